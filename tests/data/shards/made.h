// Shards of made-up documents, in a folder of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/rng.h"
#include "data/shards/shard.h"

namespace pliant::data {

using Ids = std::vector<std::int32_t>;

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "pliant-shards-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string shard_bytes(const std::vector<Ids>& documents,
                               const TokenizerIdentity& identity) {
  std::ostringstream out;
  ShardWriter writer(out, identity);
  for (const Ids& each : documents) {
    const std::string_view text{reinterpret_cast<const char*>(each.data()), each.size() * 4};
    writer.add(each, std::ssize(text), hash64(text));
  }
  writer.finish();
  EXPECT_EQ(writer.bytes(), std::ssize(out.str()));
  return out.str();
}

inline constexpr TokenizerIdentity narrow{.id = 7, .vocabulary = 50000},
    wide{.id = 7, .vocabulary = 100000};

// Document i of `count` has a length below `longest`, and no token that another one has.
inline std::vector<Ids> distinct_documents(std::int64_t count, std::int64_t longest,
                                           std::int32_t first = 0) {
  Rng rng(count, longest);
  std::vector<Ids> documents(count);
  for (Ids& each : documents)
    for (std::int64_t i = rng.below(longest); i >= 0; --i) each.push_back(first++);
  return documents;
}

inline std::string write_shard(const Folder& folder, const std::string& name,
                               const std::vector<Ids>& documents,
                               const TokenizerIdentity& identity = wide) {
  write_file(folder / name, shard_bytes(documents, identity));
  return folder / name;
}

}  // namespace pliant::data
