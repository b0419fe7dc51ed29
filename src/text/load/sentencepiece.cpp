// tokenizer.model: the protobuf file of SentencePiece (sentencepiece_model.proto).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "text/load/load.h"
#include "text/load/spm.h"
#include "text/load/wire.h"

namespace pliant {
namespace text {
namespace {

struct ModelFile {
  SentencePieceSource source;
  std::string bos = "<s>", eos = "</s>", pad = "<pad>";
  std::uint64_t type = 1;
};

PieceEntry read_piece(WireReader reader) {
  PieceEntry entry;
  std::uint64_t type = 1;
  while (reader.next()) switch (reader.field()) {
      case 1: entry.piece = reader.text(); break;
      case 2: entry.score = reader.number(); break;
      case 3: type = reader.integer(); break;
      default: break;
    }
  constexpr TokenKind kinds[] = {TokenKind::normal,  TokenKind::normal,       TokenKind::unknown,
                                 TokenKind::control, TokenKind::user_defined, TokenKind::unused,
                                 TokenKind::byte};
  if (type < 1 || type > 6) reader.fail(fmt::format("a piece of type {}", type));
  entry.kind = kinds[type];
  if (entry.piece.empty()) reader.fail("a piece without text");
  return entry;
}

void read_trainer(WireReader reader, ModelFile& file) {
  while (reader.next()) switch (reader.field()) {
      case 3: file.type = reader.integer(); break;
      case 24: file.source.normalization.suffix = reader.truth(); break;
      case 35: file.source.byte_fallback = reader.truth(); break;
      case 44: file.source.unknown_text = reader.text(); break;
      case 46: file.bos = reader.text(); break;
      case 47: file.eos = reader.text(); break;
      case 48: file.pad = reader.text(); break;
      default: break;
    }
}

void read_normalizer(WireReader reader, ModelFile& file) {
  while (reader.next()) switch (reader.field()) {
      case 2: file.source.charsmap = reader.text(); break;
      case 3: file.source.normalization.dummy_prefix = reader.truth(); break;
      case 4: file.source.normalization.remove_extra_spaces = reader.truth(); break;
      case 5: file.source.normalization.escape_spaces = reader.truth(); break;
      default: break;
    }
}

ModelFile read_model(std::string_view bytes, std::string_view place) {
  ModelFile file;
  std::set<std::string, std::less<>> seen;
  WireReader reader(bytes, place);
  while (reader.next()) switch (reader.field()) {
      case 1: {
        PieceEntry& entry = file.source.entries.emplace_back(read_piece(reader.message()));
        if (!seen.insert(entry.piece).second)
          reader.fail(fmt::format("the piece '{}' is given twice", entry.piece));
        break;
      }
      case 2: read_trainer(reader.message(), file); break;
      case 3: read_normalizer(reader.message(), file); break;
      default: break;
    }
  if (file.source.entries.empty())
    throw Error(ErrorKind::format, std::string(place), "is no SentencePiece model: no pieces");
  if (file.type != 1 && file.type != 2)
    throw Error(ErrorKind::unsupported, std::string(place),
                fmt::format("SentencePiece model type {}: only unigram (1) and BPE (2) are known",
                            file.type));
  file.source.unigram = file.type == 1;
  return file;
}

// Tokens that tokenizer_config.json adds behind the model's pieces.
void add_config_tokens(SentencePieceSource& source, const TokenizerConfig& config,
                       std::string_view place) {
  std::vector<AddedToken> added = config.added;
  std::sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  for (AddedToken& token : added) {
    const std::size_t id = token.id;
    if (id > source.entries.size() ||
        (id < source.entries.size() && source.entries[id].piece != token.content))
      throw Error(
          ErrorKind::format, std::string(place),
          fmt::format(
              "tokenizer_config.json gives id {} to '{}', which the model's {} pieces do not allow",
              id, token.content, source.entries.size()));
    if (id == source.entries.size()) source.entries.push_back({.piece = token.content});
    PieceEntry& entry = source.entries[id];
    if (entry.kind == TokenKind::normal)
      entry.kind = token.special ? TokenKind::control : TokenKind::user_defined;
    source.added.push_back(std::move(token));
  }
}

TokenId control(const Vocabulary& vocabulary, std::string_view piece) {
  const TokenId id = vocabulary.find(piece);
  return id >= 0 && vocabulary[id].kind == TokenKind::control ? id : -1;
}

}  // namespace
}  // namespace text

std::shared_ptr<const Tokenizer> tokenizer_from_sentencepiece(std::span<const std::byte> model,
                                                              std::string_view config_json,
                                                              std::string_view place,
                                                              const ChatSource& chat) {
  using namespace text;
  const TokenizerConfig config = read_config(config_json, place, chat);
  ModelFile file = read_model({reinterpret_cast<const char*>(model.data()), model.size()}, place);
  add_config_tokens(file.source, config, place);
  auto parts = sentencepiece_parts(std::move(file.source), place);
  SpecialTokens& special = parts->special;
  special.bos = control(parts->vocabulary, file.bos);
  special.eos = control(parts->vocabulary, file.eos);
  special.pad = control(parts->vocabulary, file.pad);
  special.add_bos = parts->algorithm == "spm" && special.bos >= 0;  // the Llama family's custom
  name_special(special, config, parts->vocabulary);
  surround(*parts);
  parts->chat = config.chat;
  return finish(std::move(parts));
}

}  // namespace pliant
