// vocab.json with merges.txt, as GPT-2 and its kin ship them.
#include <fmt/format.h>

#include "core/error.h"
#include "core/json.h"
#include "text/load/assemble.h"
#include "text/load/load.h"

namespace pliant {
namespace text {
namespace {

std::vector<PieceEntry> entries_of(std::string_view vocab_json, const TokenizerConfig& config,
                                   std::string_view place) {
  const std::string where = fmt::format("{}: vocab.json", place);
  const nlohmann::json json = parse_json(vocab_json, where);
  if (!json.is_object()) throw Error(ErrorKind::format, where, "is not a JSON object of token ids");
  PieceTable table;
  for (const auto& [piece, id] : json.items()) {
    if (!id.is_number_integer())
      throw Error(ErrorKind::format, where, fmt::format("the id of '{}' is not an integer", piece));
    table.set(id.is_number_unsigned() && id.get<std::uint64_t>() > max_pieces
                  ? max_pieces
                  : id.get<std::int64_t>(),
              piece, where);
  }
  for (const AddedToken& token : config.added) table.set(token.id, token.content, where);
  return table.take(where);
}

std::vector<NamedMerge> merge_lines(std::string_view merges, std::string_view place) {
  std::vector<NamedMerge> result;
  for (std::size_t at = 0, line = 1; at < merges.size(); ++line) {
    const std::size_t end = std::min(merges.find('\n', at), merges.size());
    std::string_view text = merges.substr(at, end - at);
    at = end + 1;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
    result.push_back(split_merge(text, fmt::format("{}: merges.txt line {}", place, line)));
  }
  return result;
}

const TokenizerFamily* family_of(const TokenizerConfig& config) {
  const bool qwen = config.tokenizer_class.starts_with("Qwen2");
  return find_family(qwen ? "qwen2" : "gpt-2");
}

}  // namespace
}  // namespace text

std::shared_ptr<const Tokenizer> tokenizer_from_merges(std::string_view vocab_json,
                                                       std::string_view merges,
                                                       std::string_view config_json,
                                                       std::string_view place,
                                                       const ChatSource& chat) {
  using namespace text;
  const TokenizerConfig config = read_config(config_json, place, chat);
  ByteBpe source{.entries = entries_of(vocab_json, config, place),
                 .merges = merge_lines(merges, place),
                 .family = family_of(config),
                 .added = config.added,
                 .space_prefix = config.add_prefix_space.value_or(false)};
  constexpr std::string_view end_of_text = "<|endoftext|>";
  if (source.added.empty())
    for (std::size_t id = 0; id < source.entries.size(); ++id)
      if (source.entries[id].piece == end_of_text)
        source.added.push_back(
            {.id = static_cast<TokenId>(id), .content = std::string(end_of_text), .special = true});
  mark_added(source.entries, source.added);
  auto parts = byte_bpe_parts(std::move(source), place);
  parts->special.bos = parts->special.eos = parts->vocabulary.find(end_of_text);
  name_special(parts->special, config, parts->vocabulary);
  surround(*parts);
  parts->chat = config.chat;
  return finish(std::move(parts));
}

}  // namespace pliant
