// tokenizer.bin of llama2.c: the longest piece's size, then (score, size, text) of each piece;
// spaces are plain, and the pieces are SentencePiece's BPE.
#include "text/load/llama2c.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "text/load/spm.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

std::optional<std::vector<PieceEntry>> read_pieces(std::string_view bytes) {
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  if (bytes.size() < 4) return {};
  const std::uint32_t longest = word(0);
  std::vector<PieceEntry> entries;
  std::uint32_t seen = 0;
  for (std::size_t at = 4; at < bytes.size();) {
    if (bytes.size() - at < 8) return {};
    PieceEntry& entry = entries.emplace_back();
    entry.score = std::bit_cast<float>(word(at));
    const std::uint32_t size = word(at + 4);
    at += 8;
    if (size > longest || size > bytes.size() - at) return {};
    entry.piece = bytes.substr(at, size);
    seen = std::max(seen, size);
    at += size;
  }
  if (entries.size() < 259 || seen != longest) return {};
  return entries;
}

}  // namespace

bool is_llama2c_tokenizer(std::string_view bytes) { return read_pieces(bytes).has_value(); }

std::shared_ptr<const Tokenizer> tokenizer_from_llama2c(std::string_view bytes,
                                                        std::string_view place) {
  auto entries = read_pieces(bytes);
  if (!entries) throw Error(ErrorKind::format, std::string(place), "is no tokenizer of llama2.c");
  // The first three are the unknown token, BOS and EOS, the last two with line ends around their
  // names.
  constexpr std::string_view names[] = {"<unk>", "<s>", "</s>"};
  for (std::size_t id = 0; id < 3; ++id) {
    std::erase((*entries)[id].piece, '\n');
    if ((*entries)[id].piece != names[id])
      throw Error(ErrorKind::format, std::string(place),
                  fmt::format("token {} is '{}', not '{}'", id, (*entries)[id].piece, names[id]));
    (*entries)[id].kind = id == 0 ? TokenKind::unknown : TokenKind::control;
  }
  for (PieceEntry& entry : *entries) {
    if (byte_of_piece(entry.piece)) entry.kind = TokenKind::byte;
    replace_all(entry.piece, " ", space_mark);
  }
  SentencePieceSource source{.entries = std::move(*entries), .byte_fallback = true};
  source.normalization.remove_extra_spaces = false;
  auto parts = sentencepiece_parts(std::move(source), place);
  parts->special.bos = 1;
  parts->special.eos = 2;
  parts->special.add_bos = true;
  surround(*parts);
  return finish(std::move(parts));
}

}  // namespace pliant::text
