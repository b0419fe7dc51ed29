// The tensors of a folder of the Hugging Face layout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quant/store.h"

namespace pliant {

// Of model.safetensors.index.json with its shards, else of model.safetensors. Throws Error{not_found} for a missing
// shard or a tensor that its shard lacks, Error{format} for a broken index or one that leaves the folder.
WeightStore folder_tensors(const std::string& path);

// The shards that an index names, each once, sorted; and the shard of each tensor.
struct ShardIndex {
  std::vector<std::string> shards;
  std::vector<std::pair<std::string, std::string>> shard_of;  // tensor, shard
};
ShardIndex shard_index(std::string_view text, std::string_view place);

}  // namespace pliant
