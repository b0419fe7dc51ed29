#include "models/language/files/folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"

namespace pliant {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name.find('\\') == std::string::npos &&
         name.find('\0') == std::string::npos && name != "." && name != "..";
}

}  // namespace

ShardIndex shard_index(std::string_view text, std::string_view place) {
  const nlohmann::json root = parse_json(text, place, 4);
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object())
    throw Error(ErrorKind::format, std::string(place), "has no object 'weight_map'");
  ShardIndex index;
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : root["weight_map"].items()) {
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>()))
      throw Error(ErrorKind::format, std::string(place), fmt::format("'{}' lies in no file of this folder", tensor));
    index.shard_of.emplace_back(tensor, shard.get<std::string>());
    shards.insert(shard.get<std::string>());
  }
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

WeightStore folder_tensors(const std::string& path) {
  const std::string index_path = path + "/model.safetensors.index.json";
  if (!std::filesystem::exists(index_path)) return load_safetensors(path + "/model.safetensors");
  const ShardIndex index = shard_index(read_file(index_path), index_path);
  std::map<std::string, WeightStore> files;
  for (const std::string& shard : index.shards) files.emplace(shard, load_safetensors(path + "/" + shard));
  WeightStore result;
  for (const auto& [tensor, shard] : index.shard_of) {
    const WeightStore& file = files.at(shard);
    const Stored* stored = file.find(tensor);
    if (stored == nullptr)
      throw Error(ErrorKind::not_found, path + "/" + shard, fmt::format("has no tensor '{}'", tensor),
                  "the index says it is there: the download may be incomplete");
    result.add(tensor, *stored, file.owner(tensor));
  }
  return result;
}

}  // namespace pliant
