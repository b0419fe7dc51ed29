// Cutting feature maps into horizontal bands, so that an operator's step holds a few bands instead
// of whole maps.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace pliant {

struct TileRules {
  std::int64_t bands = 2;  // >= 2
  // Convolutions and pools whose operands and result together take fewer bytes stay whole, weights
  // left out; -1: the largest such sum divided by the number of bands.
  std::int64_t least_bytes = -1;
};

// Operators that work row by row on maps [N,C,rows,...] become one operator per band of their
// result: Convolve (also transposed) and Pool by size, Maps, Concats and Slices that leave the rows
// alone where an operand is in bands (a Map of graph inputs by size too). A band reads the bands
// that its windows meet: a Concat of them and a Slice (each where there is something to do), padded
// at the true border only. groups() with `halo` makes one kernel of these and the operator. Other
// operators, and the graph's outputs, get the bands joined by a Concat that bears the value's name.
// Every row is computed once, from the same operands. Throws Error{usage} for fewer than two bands,
// Error{invalid} when no operator can be cut into so many.
Graph tile(const Graph& graph, const TileRules& rules);

}  // namespace pliant
