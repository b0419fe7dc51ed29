// Which results of a graph's operators may be written over one of their inputs.
#pragma once

#include "graph/graph.h"
#include "plan/graph/graph_problem.h"

namespace pliant::plan {

// Fills in_place of the problem's operators. A group of Maps alone may write its result over an
// operand of the same bytes: its kernel reads element i of every operand before it writes element
// i. All other kernels read elements again after they have written some. The operand must fill its
// tensor, be read there in no other way, and be needed by nobody afterwards, in any order; of
// several, the one made last is taken. Tensors that are read in one run with others are left alone.
void find_in_place(const Graph& graph, GraphProblem& problem);

}  // namespace pliant::plan
