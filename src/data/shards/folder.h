// A folder of packed text: shards, and corpus.json, which says which ones. It is written last, so
// that shards of a run that did not end are no part of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/shards/shard.h"

namespace pliant::data {

struct ShardEntry {
  std::string file;  // within the folder
  std::int64_t documents = 0, tokens = 0, text_bytes = 0;
};

struct PackedFolder {
  TokenizerIdentity tokenizer;
  std::string tokenizer_file;  // where it was read
  std::vector<ShardEntry> shards;
};

std::string index_path(const std::string& folder);  // its corpus.json
std::string to_json(const PackedFolder& folder);
// Throws Error{format}, also for names of shards that lead out of the folder.
PackedFolder packed_folder_from_json(std::string_view text, std::string_view place);
// Throws Error{not_found} for a folder without corpus.json.
PackedFolder read_packed_folder(const std::string& folder);

// Of a folder its shards, of anything else itself.
std::vector<std::string> shard_files(const std::string& path);

}  // namespace pliant::data
