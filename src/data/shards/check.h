// Whether packed text is whole, and what it holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/pool.h"
#include "data/shards/shard.h"

namespace pliant::data {

struct Checked {
  std::int64_t shards = 0, documents = 0, tokens = 0, text_bytes = 0;
  std::int64_t longest = 0;  // tokens of a document
  TokenizerIdentity tokenizer;
};

// Reads every byte of the shards of files and folders. Throws Error{not_found} for a shard that is
// named and not there, Error{format} for a damaged one or one that is not what corpus.json says,
// Error{invalid} for two tokenizers and for no shards.
Checked check_shards(const std::vector<std::string>& paths, ThreadPool& pool);

}  // namespace pliant::data
