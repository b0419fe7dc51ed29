#include "data/shards/documents.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "data/shards/folder.h"

namespace pliant::data {

double place_of_text(std::uint64_t text_hash) {
  // hashed again: places must not depend on how good the hashes in a file are
  return Rng(text_hash, 0x68656c64).uniform();
}

Documents::Documents(const std::vector<std::string>& paths, std::uint64_t key) : key_(key) {
  for (const std::string& path : paths)
    for (const std::string& file : shard_files(path)) {
      shards_.emplace_back(file);
      starts_.push_back(starts_.back() + shards_.back().documents());
    }
  if (shards_.empty())
    throw Error(ErrorKind::invalid, paths.front(), "holds no shards", "pack some text into it");
}

double Documents::first_place() const {
  double first = 1, last = 0;
  for (const Shard& shard : shards_)
    for (std::int64_t i = 0; i < shard.documents(); ++i) {
      const DocumentEntry entry = shard.document(i);
      if (rows_of(entry) < 1) continue;
      first = std::min(first, place_of_text(entry.text_hash));
      last = std::max(last, place_of_text(entry.text_hash));
    }
  return first < last ? first : 1;
}

void Documents::take_side(Split split, double limit) {
  split_ = split;
  limit_ = limit;
  totals_ = {};
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
  if (rows_of(entry) < 1) return {};
  if ((place_of_text(entry.text_hash) < limit_) != (split_ == Split::held_out)) return {};
  return {&in, entry};
}

Documents::Found Documents::at(std::int64_t epoch, std::int64_t place) const {
  const auto stream = static_cast<std::uint64_t>(epoch);
  return seen(Permutation(count(), Rng(key_, stream).bits())(place));
}

}  // namespace pliant::data
