// What a policy reads of a chain, and what it decides: pure values, without a cache.
#pragma once

#include <cstdint>

namespace pliant::kv {

// One entry of a chain: the key and value of one token, or of several merged ones, for one layer
// and KV head.
struct Entry {
  std::int32_t position = 0;  // the token's own, whatever was dropped before it
  std::int32_t tag = 0;       // segment.h
  float log_weight = 0;       // added to the entry's score: log of how many tokens it stands for
  // sum of the weights it was given, over rows and the query heads that share it (if observed)
  float attention = 0;
};

inline constexpr std::int32_t nowhere = -1;

// What becomes of one entry. `into` is an entry that is kept: its key becomes the mean of its own
// and of those that are said to go into it, each with its `key` weight, its value the mean by
// `value` weights. Where all others weigh 0 it stays as it is, bit for bit. Its log weight becomes
// the log of the sum of `count`s, unless those of all others are 0.
struct Fate {
  bool keep = true;
  std::int32_t into = nowhere;  // of an entry that is kept too: what it was goes there as well
  float key = 1, value = 1, count = 1;
};

}  // namespace pliant::kv
