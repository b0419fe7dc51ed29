// Weights for graphs that come without: planning, timing, tests.
#pragma once

#include <cstdint>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

// Seeded weights for a graph whose own are unknown or degenerate: normal, scaled by 1/sqrt(fan-in)
// (the product of all axes but the one that becomes the output channel, as the first consumer says;
// a Gather's table is not scaled); rank <= 1: uniform in [0.5, 1.5); integers below 8 in size.
// Depends on (seed, name) only.
WeightStore random_weights(const Graph& graph, std::uint64_t seed);

}  // namespace pliant
