// Placement alone, beside a greedy peer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/place/place.h"
#include "planner/rows.h"

namespace pliant::bench {

// The peer: rectangles by falling size (ties: earlier first), each into the smallest gap among
// those placed before and alive at the same time that holds it, else on top of them. Offsets, one
// per rectangle.
std::vector<std::int64_t> greedy_best_fit(const std::vector<place::Rectangle>& rectangles);

// Whether no two rectangles alive at one time overlap and none ends above `capacity`.
bool valid(const std::vector<place::Rectangle>& rectangles,
           const std::vector<std::int64_t>& offsets, std::int64_t capacity);

// minimalloc's instances A to F of `folder` (A.1048576.csv ...), placed `runs` times each.
std::vector<PlacementRow> place_instances(const std::string& folder, double seconds, int runs);

}  // namespace pliant::bench
