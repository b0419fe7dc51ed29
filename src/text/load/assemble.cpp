#include "text/load/assemble.h"

#include <fmt/format.h>

#include <unordered_map>

#include "core/error.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

[[noreturn]] void fail_format(std::string_view place, std::string problem) {
  throw Error(ErrorKind::format, std::string(place), std::move(problem));
}

}  // namespace

void PieceTable::set(std::int64_t id, const std::string& piece, const std::string& where) {
  if (id < 0 || id >= max_pieces)
    fail_format(where, fmt::format("token id {} is not in 0 to {}", id, max_pieces - 1));
  const auto [at, fresh] = pieces_.emplace(id, piece);
  if (!fresh && at->second != piece)
    fail_format(where,
                fmt::format("token id {} is given to '{}' and to '{}'", id, at->second, piece));
}

std::vector<PieceEntry> PieceTable::take(std::string_view place) {
  std::vector<PieceEntry> entries;
  std::unordered_map<std::string, std::int64_t> seen;
  for (auto& [id, piece] : pieces_) {
    if (id != std::ssize(entries))
      fail_format(place,
                  fmt::format("no token has id {}, but '{}' has {}", entries.size(), piece, id));
    if (const auto [at, fresh] = seen.emplace(piece, id); !fresh)
      fail_format(place, fmt::format("token '{}' has two ids, {} and {}", piece, at->second, id));
    entries.push_back({.piece = std::move(piece)});
  }
  pieces_.clear();
  return entries;
}

std::vector<Merge> resolve_merges(const Vocabulary& vocabulary,
                                  const std::vector<NamedMerge>& merges, std::string_view place) {
  std::vector<Merge> resolved;
  resolved.reserve(merges.size());
  std::string both;
  for (const auto& [left, right] : merges) {
    both.assign(left).append(right);
    const Merge merge{vocabulary.find(left), vocabulary.find(right), vocabulary.find(both)};
    const std::string_view missing = merge.left < 0    ? left
                                     : merge.right < 0 ? right
                                                       : std::string_view(both);
    if (merge.left < 0 || merge.right < 0 || merge.merged < 0)
      fail_format(place, fmt::format("merge {} ('{}' and '{}'): '{}' is no token", resolved.size(),
                                     left, right, missing));
    resolved.push_back(merge);
  }
  return resolved;
}

NamedMerge split_merge(std::string_view line, const std::string& where) {
  const std::size_t space = line.find(' ', 1);  // a piece may be a space itself
  if (space == std::string_view::npos || space + 1 >= line.size())
    fail_format(where, fmt::format("'{}' is no merge of two pieces", line));
  return {line.substr(0, space), line.substr(space + 1)};
}

void name_special(SpecialTokens& special, const TokenizerConfig& config,
                  const Vocabulary& vocabulary) {
  const std::pair<std::string_view, TokenId*> roles[] = {
      {"bos_token", &special.bos},       {"eos_token", &special.eos},
      {"unk_token", &special.unknown},   {"pad_token", &special.pad},
      {"sep_token", &special.separator}, {"cls_token", &special.classify},
      {"mask_token", &special.mask}};
  for (const auto& [role, id] : roles)
    if (const auto token = config.tokens.find(role); token != config.tokens.end())
      if (const TokenId found = vocabulary.find(token->second); found >= 0) *id = found;
  if (config.add_bos) special.add_bos = *config.add_bos && special.bos >= 0;
  if (config.add_eos) special.add_eos = *config.add_eos && special.eos >= 0;
}

void mark_added(std::vector<PieceEntry>& entries, const std::vector<AddedToken>& added) {
  for (const AddedToken& token : added) {
    TokenKind& kind = entries[token.id].kind;
    if (kind == TokenKind::normal)
      kind = token.special ? TokenKind::control : TokenKind::user_defined;
  }
}

std::vector<AddedToken> added_by_kind(const Vocabulary& vocabulary) {
  std::vector<AddedToken> added;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const PieceEntry& entry = vocabulary[id];
    const bool special = entry.kind == TokenKind::control || entry.kind == TokenKind::unknown;
    if (special || entry.kind == TokenKind::user_defined)
      added.push_back({.id = id, .content = entry.piece, .special = special});
  }
  return added;
}

void surround(Parts& parts) {
  parts.prefix.clear();
  parts.suffix.clear();
  if (parts.special.add_bos) parts.prefix.push_back(parts.special.bos);
  if (parts.special.add_eos) parts.suffix.push_back(parts.special.eos);
}

std::unique_ptr<Parts> byte_bpe_parts(ByteBpe source, std::string_view place) {
  auto parts = std::make_unique<Parts>();
  parts->algorithm = "bpe";
  parts->vocabulary = Vocabulary(std::move(source.entries), place);
  const std::vector<Merge> merges = resolve_merges(parts->vocabulary, source.merges, place);
  parts->added = source.added.empty() ? added_by_kind(parts->vocabulary) : std::move(source.added);
  if (source.family->nfc) parts->normalizer = normalize_form(NormalForm::nfc);
  if (source.space_prefix) parts->splitters.push_back(prefix_space());
  for (const std::string_view pattern : source.family->patterns)
    parts->splitters.push_back(split_by(Regex(pattern), SplitBehaviour::isolated));
  Unknown unknown;
  for (TokenId id = 0; id < parts->vocabulary.size() && unknown.id < 0; ++id)
    if (parts->vocabulary[id].kind == TokenKind::unknown) unknown.id = id;
  parts->model = merge_model(parts->vocabulary, merges, unknown,
                             {.bytes = true, .whole_words = source.family->whole_words});
  parts->texts = byte_level_texts(parts->vocabulary);
  parts->gguf = {.model = "gpt2",
                 .pre = std::string(source.family->names[0]),
                 .space_prefix = source.space_prefix};
  for (const Merge& merge : merges) parts->gguf.merges.emplace_back(merge.left, merge.right);
  return parts;
}

std::shared_ptr<const Tokenizer> finish(std::unique_ptr<Parts> parts) {
  find_ends(parts->special, parts->vocabulary);
  return std::make_shared<Pipeline>(std::move(parts));
}

}  // namespace pliant::text
