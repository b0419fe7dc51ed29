// Concats that copy nothing: who reads one reads its parts as one run of bytes.
#pragma once

#include "graph/graph.h"
#include "plan/graph/graph_problem.h"

namespace pliant::plan {

// Fills parts_of and marks the groups as views, before operators are made of groups. A Concat along
// its leading axis that is not 1 qualifies when each part fills a buffer of its own (or is the
// result of such a Concat), stands in it once, is made by an operator and is no output of the
// graph, nor is the result; when no part but the last ends off a multiple of `alignment`; and when
// no part would get another neighbour than earlier Concats gave it. Nested ones share theirs.
void elide_concats(const Graph& graph, GraphProblem& mapping, std::int64_t alignment);

}  // namespace pliant::plan
