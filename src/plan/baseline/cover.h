// The local program of greedy replacement: the cheapest set of items that together reach a size.
#pragma once

#include <cstdint>
#include <vector>

namespace pliant::plan {

struct CoverItem {
  std::int64_t size = 0;   // > 0
  std::int64_t price = 0;  // >= 0
};

// Indices, ascending, of a set whose sizes add up to at least `need` at the least sum of prices;
// all items when they do not reach it. Exact; ties are broken the same way every time. Sums must
// not overflow.
std::vector<std::size_t> cheapest_cover(const std::vector<CoverItem>& items, std::int64_t need);

}  // namespace pliant::plan
