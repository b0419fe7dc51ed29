#include "data/shards/folder.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t index_version = 1;

ShardEntry shard_entry(const JsonNode& node) {
  ShardEntry entry{.file = node.text("file"),
                   .documents = node.integer("documents"),
                   .tokens = node.integer("tokens"),
                   .text_bytes = node.integer("text_bytes")};
  if (entry.file.empty() || file_name(entry.file) != entry.file || entry.file == "..")
    node.fail("file", "'" + entry.file + "' is not the name of a file in this folder");
  return entry;
}

}  // namespace

std::string index_path(const std::string& folder) {
  return (fs::path(folder) / "corpus.json").string();
}

std::string to_json(const PackedFolder& folder) {
  nlohmann::ordered_json json{{"pliant_corpus", index_version},
                              {"tokenizer",
                               {{"file", folder.tokenizer_file},
                                {"id", hexadecimal(folder.tokenizer.id)},
                                {"vocabulary", folder.tokenizer.vocabulary}}},
                              {"shards", nlohmann::ordered_json::array()}};
  for (const ShardEntry& each : folder.shards)
    json["shards"].push_back({{"file", each.file},
                              {"documents", each.documents},
                              {"tokens", each.tokens},
                              {"text_bytes", each.text_bytes}});
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

PackedFolder packed_folder_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode root(document, place);
  root.object().at("pliant_corpus").integer(index_version, index_version);
  const JsonNode tokenizer = root.object("tokenizer");
  PackedFolder folder;
  folder.tokenizer_file = tokenizer.text("file");
  folder.tokenizer = {from_hexadecimal(tokenizer.text("id"), tokenizer.place("id")),
                      tokenizer.integer("vocabulary")};
  for (const JsonNode& each : root.objects("shards")) folder.shards.push_back(shard_entry(each));
  return folder;
}

PackedFolder read_packed_folder(const std::string& folder) {
  const std::string path = index_path(folder);
  std::error_code none;
  if (!fs::exists(path, none))
    throw Error(ErrorKind::not_found, folder, "holds no corpus.json, so no packed text",
                "pack some: pliant data pack TEXT --tokenizer FILE --out " + folder);
  // not mapped, which would make it an input of the command: who appends writes it anew
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw Error(ErrorKind::io, path, "cannot read");
  return packed_folder_from_json(text.str(), path);
}

std::vector<std::string> shard_files(const std::string& path) {
  std::error_code none;
  if (!fs::is_directory(path, none)) return {path};
  std::vector<std::string> files;
  for (const ShardEntry& each : read_packed_folder(path).shards)
    files.push_back((fs::path(path) / each.file).string());
  return files;
}

}  // namespace pliant::data
