// Which entries stay.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/native/kv/choice/entry.h"

namespace pliant::kv {

// What stays whatever its score.
struct Protection {
  std::int64_t first = 0, last = 0;  // entries
  bool text = false;                 // all that is of no image (segment.h)
};

std::vector<bool> protected_of(std::span<const Entry> entries, const Protection& protection);

// `count` entries: those that are `sure`, be they more, and of the others those of highest score.
// Ties: the earlier. All others' fates become not to be kept.
void keep_highest(std::span<const float> scores, const std::vector<bool>& sure, std::int64_t count,
                  std::span<Fate> fates);

// Drops, while more than `count` are kept, the first that are kept at `from` or behind.
void drop_first(std::span<Fate> fates, std::int64_t from, std::int64_t count);

}  // namespace pliant::kv
