// Weights in several safetensors files, the shards, and the index that says which tensor lies in
// which.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quant/store.h"

namespace pliant {

// The shards that an index names, each once, sorted; and the shard of each tensor.
struct ShardIndex {
  std::vector<std::string> shards;
  std::vector<std::pair<std::string, std::string>> shard_of;  // tensor, shard
};
// Throws Error{format} for a broken index or one that leaves its folder.
ShardIndex shard_index(std::string_view text, std::string_view place);

// The path of the index beside the shard `path`; none if that is a whole. Throws Error{not_found}
// naming the index that a file named NAME-00001-of-00003.safetensors lacks, Error{format} for one
// that does not name it.
std::optional<std::string> index_beside(const std::string& path);

// The tensors of all shards of an index. Throws Error{not_found} for a missing shard or a tensor
// that its shard lacks, Error{format} as shard_index() does.
WeightStore load_shards(const std::string& index_path);

}  // namespace pliant
