#include "formats/safetensors/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view whole_name = "model";  // of the index that shards of any name may have

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos &&
         name != "." && name != "..";
}

// NAME of "NAME-00002-of-00003.safetensors".
std::optional<std::string> stem_of(const std::string& name) {
  constexpr std::string_view pattern = "-00000-of-00000.safetensors";
  if (name.size() <= pattern.size()) return {};
  const std::size_t start = name.size() - pattern.size();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = name[start + i];
    if (pattern[i] == '0' ? c < '0' || c > '9' : c != pattern[i]) return {};
  }
  return name.substr(0, start);
}

std::string beside(const std::string& path, const std::string& name) {
  return (fs::path(path).parent_path() / name).string();
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
      throw Error(ErrorKind::format, std::string(place),
                  fmt::format("'{}' lies in no file of this folder", tensor));
    index.shard_of.emplace_back(tensor, shard.get<std::string>());
    shards.insert(shard.get<std::string>());
  }
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

std::optional<std::string> index_beside(const std::string& path) {
  const std::string name = file_name(path);
  const std::optional<std::string> stem = stem_of(name);
  const std::string index =
      beside(path, stem.value_or(std::string(whole_name)) + ".safetensors.index.json");
  if (fs::exists(index)) {
    if (std::ranges::binary_search(shard_index(read_file(index), index).shards, name)) return index;
    if (!stem) return {};
    throw Error(ErrorKind::format, index,
                fmt::format("does not name {}, which lies beside it", name));
  }
  if (!stem || name.ends_with("-00001-of-00001.safetensors")) return {};
  throw Error(ErrorKind::not_found, index,
              fmt::format("is missing: {} is one of several shards", name),
              "put the index and all shards into one folder");
}

WeightStore load_shards(const std::string& index_path) {
  const ShardIndex index = shard_index(read_file(index_path), index_path);
  std::map<std::string, WeightStore> files;
  for (const std::string& shard : index.shards) {
    const std::string path = beside(index_path, shard);
    if (!fs::exists(path))
      throw Error(ErrorKind::not_found, path,
                  fmt::format("is missing: {} names it", file_name(index_path)),
                  "put the index and all shards into one folder");
    files.emplace(shard, load_safetensors(path));
  }
  WeightStore result;
  for (const auto& [tensor, shard] : index.shard_of) {
    const WeightStore& file = files.at(shard);
    const Stored* stored = file.find(tensor);
    if (stored == nullptr)
      throw Error(ErrorKind::not_found, beside(index_path, shard),
                  fmt::format("has no tensor '{}'", tensor),
                  "the index says it is there: the download may be incomplete");
    result.add(tensor, *stored, file.owner(tensor));
  }
  return result;
}

}  // namespace pliant
