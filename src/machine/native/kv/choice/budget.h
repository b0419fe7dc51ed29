// How many entries stay, and how layers or heads share them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant::kv {

// floor(keep * tokens), but `least` at least and all of them at most.
std::int64_t entries_of(double keep, std::int64_t tokens, std::int64_t least);

// How much bytes hold: entries of each chain if all were alike, how many chains there are, and how
// many of them the widest layer has.
struct Room {
  std::int64_t entries = 0;  // 0: no bound
  std::int64_t chains = 1, widest = 1;
};

// How many entries each chain may keep, 1 at least, for a layer whose chains have `filling` entries
// to fit in beside all others.
std::int64_t kept_beside(const Room& room, std::int64_t filling);

// scores [parts, entries] of layers, say. `total` is shared out so that each part keeps the same
// share of its own sum (PrefixKV, 2412.03409); then `uniform` of it is shared out evenly instead.
// Each gets `least` at least and `entries` at most; together they get `total`, brought within these
// bounds. Ties: the earlier part.
std::vector<std::int64_t> by_prefix(std::span<const float> scores, std::int64_t parts,
                                    std::int64_t total, std::int64_t least, double uniform);

// The same by how many of the `total` highest of all scores are a part's own (Ada-KV, 2407.11550):
// for KV heads of one layer, whose scores compare.
std::vector<std::int64_t> by_rank(std::span<const float> scores, std::int64_t parts,
                                  std::int64_t total, std::int64_t least, double uniform);

}  // namespace pliant::kv
