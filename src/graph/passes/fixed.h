// What is known before a run.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace pliant {

// Per value: a weight, a constant, or what fold() computes from such alone.
std::vector<bool> fixed_values(const Graph& graph);

}  // namespace pliant
