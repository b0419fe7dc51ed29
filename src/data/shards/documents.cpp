#include "data/shards/documents.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "data/shards/folder.h"

namespace pliant::data {

bool is_held_out(std::uint64_t text_hash, double share) {
  // hashed again: the share must not depend on how good the hashes in a file are
  return Rng(text_hash, 0x68656c64).uniform() < share;
}

Documents::Documents(const std::vector<std::string>& paths, double held_out, Split split,
                     std::uint64_t key)
    : held_out_(held_out), split_(split), key_(key) {
  for (const std::string& path : paths)
    for (const std::string& file : shard_files(path)) {
      shards_.emplace_back(file);
      starts_.push_back(starts_.back() + shards_.back().documents());
    }
  if (shards_.empty())
    throw Error(ErrorKind::invalid, paths.front(), "holds no shards", "pack some text into it");
  for (std::int64_t i = 0; i < count(); ++i) {
    const Found found = seen(i);
    if (found.shard == nullptr) continue;
    totals_.documents += 1;
    totals_.tokens += found.entry.tokens();
    totals_.text_bytes += found.entry.text_bytes;
    totals_.rows += rows_of(found.entry);
  }
}

Documents::Found Documents::seen(std::int64_t document) const {
  const auto after = std::ranges::upper_bound(starts_, document);
  const std::int64_t shard = after - starts_.begin() - 1;
  const Shard& in = shards_[shard];
  const DocumentEntry entry = in.document(document - starts_[shard]);
  if (entry.tokens() < 2) return {};
  if (is_held_out(entry.text_hash, held_out_) != (split_ == Split::held_out)) return {};
  return {&in, entry};
}

Documents::Found Documents::at(std::int64_t epoch, std::int64_t place) const {
  const auto stream = static_cast<std::uint64_t>(epoch);
  return seen(Permutation(count(), Rng(key_, stream).bits())(place));
}

}  // namespace pliant::data
