#include "data/shards/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "core/units.h"
#include "data/shards/folder.h"

namespace pliant::data {
namespace {

Checked totals_of(const Shard& shard) {
  Checked totals{.shards = 1,
                 .documents = shard.documents(),
                 .tokens = shard.tokens(),
                 .tokenizer = shard.identity()};
  for (std::int64_t i = 0; i < shard.documents(); ++i) {
    const DocumentEntry entry = shard.document(i);
    totals.text_bytes += entry.text_bytes;
    totals.longest = std::max(totals.longest, entry.tokens());
  }
  return totals;
}

void compare(const Shard& shard, const Checked& totals, const ShardEntry& said) {
  if (totals.documents == said.documents && totals.tokens == said.tokens &&
      totals.text_bytes == said.text_bytes)
    return;
  throw Error(ErrorKind::format, shard.place(),
              fmt::format("has {} documents and {} tokens; corpus.json says {} and {}",
                          grouped_text(totals.documents), grouped_text(totals.tokens),
                          grouped_text(said.documents), grouped_text(said.tokens)),
              "the file was exchanged: pack the text again");
}

}  // namespace

Checked check_shards(const std::vector<std::string>& paths, ThreadPool& pool) {
  std::vector<Shard> shards;
  Checked all;
  for (const std::string& path : paths) {
    std::map<std::string, ShardEntry> said;
    if (std::filesystem::is_directory(path))
      for (const ShardEntry& each : read_packed_folder(path).shards) said[each.file] = each;
    for (const std::string& file : shard_files(path)) {
      const Shard& shard = shards.emplace_back(file);
      const Checked totals = totals_of(shard);
      if (!said.empty()) compare(shard, totals, said.at(file_name(file)));
      if (all.shards == 0) all.tokenizer = totals.tokenizer;
      if (totals.tokenizer != all.tokenizer)
        throw Error(ErrorKind::invalid, file,
                    fmt::format("was packed with the tokenizer {}, those before with {}",
                                to_string(totals.tokenizer), to_string(all.tokenizer)));
      all.shards += 1;
      all.documents += totals.documents;
      all.tokens += totals.tokens;
      all.text_bytes += totals.text_bytes;
      all.longest = std::max(all.longest, totals.longest);
    }
  }
  if (shards.empty()) throw Error(ErrorKind::invalid, "packed text", "there are no shards");
  pool.parallel(std::ssize(shards), [&](std::int64_t i, int) { shards[i].verify(); });
  return all;
}

}  // namespace pliant::data
