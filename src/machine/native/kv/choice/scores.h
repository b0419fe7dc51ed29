// How much a token matters, from the attention that it was given.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/native/kv/choice/entry.h"

namespace pliant::kv {

// masses [heads, entries], sums over rows, of one layer: the mean over each `heads / groups` heads
// that follow one another, [groups, entries]. One group: a score for the whole layer.
std::vector<float> mean_over_heads(std::span<const float> masses, std::int64_t heads,
                                   std::int64_t groups);

// Divides by how many of the last `rows` of `length` rows saw each entry: without it a token of the
// beginning has more because more rows could see it.
void per_row(std::span<const Entry> entries, std::int64_t length, std::int64_t rows,
             std::span<float> scores);

// Each becomes the highest of itself and `radius` on either side: tokens keep their neighbours.
void smooth(std::span<float> scores, std::int64_t radius);

}  // namespace pliant::kv
