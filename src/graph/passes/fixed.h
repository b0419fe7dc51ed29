// What is known before a run.
#pragma once

#include "graph/graph.h"

namespace pliant {

// Per value: a weight, a constant, or what fold() computes from such alone.
ById<ValueId, bool> fixed_values(const Graph& graph);

}  // namespace pliant
