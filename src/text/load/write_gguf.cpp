// tokenizer.ggml.* for GGUF files.
#include <fmt/format.h>

#include "core/error.h"
#include "text/load/load.h"
#include "text/pipeline.h"

namespace pliant {
namespace text {
namespace {

using Metadata = std::vector<std::pair<std::string, GgufValue>>;

void put(Metadata& metadata, std::string_view name, GgufValue value) {
  metadata.emplace_back(fmt::format("tokenizer.ggml.{}", name), std::move(value));
}

void put_id(Metadata& metadata, std::string_view name, TokenId id) {
  if (id >= 0) put(metadata, name, static_cast<std::uint32_t>(id));
}

std::int32_t type_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::normal: return 1;
    case TokenKind::unknown: return 2;
    case TokenKind::control: return 3;
    case TokenKind::user_defined: return 4;
    case TokenKind::unused: return 5;
    case TokenKind::byte: return 6;
  }
  return 1;
}

void put_pieces(Metadata& metadata, const Parts& parts) {
  std::vector<std::string> pieces = parts.gguf.pieces;
  std::vector<float> scores = parts.gguf.scores;
  std::vector<std::int32_t> types;
  for (const PieceEntry& entry : parts.vocabulary.entries()) {
    if (parts.gguf.pieces.empty()) pieces.push_back(entry.piece);
    if (parts.gguf.scores.empty()) scores.push_back(entry.score);
    types.push_back(type_of(entry.kind));
  }
  put(metadata, "tokens", GgufArray{std::move(pieces)});
  if (parts.gguf.model == "llama" || parts.gguf.model == "t5")
    put(metadata, "scores", GgufArray{std::move(scores)});
  put(metadata, "token_type", GgufArray{std::move(types)});
}

void put_merges(Metadata& metadata, const Parts& parts) {
  std::vector<std::string> merges;
  for (const auto& [left, right] : parts.gguf.merges)
    merges.push_back(parts.vocabulary[left].piece + " " + parts.vocabulary[right].piece);
  put(metadata, "merges", GgufArray{std::move(merges)});
}

void put_special(Metadata& metadata, const Parts& parts) {
  const SpecialTokens& special = parts.special;
  put_id(metadata, "bos_token_id", special.bos);
  put_id(metadata, "eos_token_id", special.eos);
  put_id(metadata, "unknown_token_id", special.unknown);
  put_id(metadata, "padding_token_id", special.pad);
  put_id(metadata, "seperator_token_id", special.separator);
  put_id(metadata, "cls_token_id", special.classify);
  put_id(metadata, "mask_token_id", special.mask);
  put(metadata, "add_bos_token", !parts.prefix.empty());
  put(metadata, "add_eos_token", !parts.suffix.empty());
}

}  // namespace
}  // namespace text

std::vector<std::pair<std::string, GgufValue>> gguf_metadata(const Tokenizer& tokenizer) {
  using namespace text;
  const auto* pipeline = dynamic_cast<const Pipeline*>(&tokenizer);
  if (pipeline == nullptr)
    throw Error(ErrorKind::unsupported, "tokenizer", "is not one that GGUF files can hold");
  const Parts& parts = pipeline->parts();
  const GgufForm& form = parts.gguf;
  if (!form.refusal.empty())
    throw Error(ErrorKind::unsupported, "tokenizer", "GGUF files cannot hold it: " + form.refusal);
  Metadata metadata;
  put(metadata, "model", form.model);
  put(metadata, "pre", form.pre);
  put_pieces(metadata, parts);
  if (form.model == "gpt2") put_merges(metadata, parts);
  put_special(metadata, parts);
  put(metadata, "add_space_prefix", form.space_prefix);
  if (form.model == "llama" || form.model == "t5")
    put(metadata, "remove_extra_whitespaces", form.remove_extra_spaces);
  if (!form.charsmap.empty()) {
    const std::vector<std::uint8_t> bytes(form.charsmap.begin(), form.charsmap.end());
    put(metadata, "precompiled_charsmap", GgufArray{bytes});
  }
  if (!parts.chat.text.empty()) metadata.emplace_back("tokenizer.chat_template", parts.chat.text);
  return metadata;
}

}  // namespace pliant
