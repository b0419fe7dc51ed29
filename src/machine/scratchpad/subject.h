// What a graph asks of a scratchpad: the planner's problem in it, the work of its operators, the
// workspaces of the kernels that may run it.
#pragma once

#include <cstdint>

#include "graph/graph.h"
#include "plan/device.h"
#include "plan/graph/graph_problem.h"

namespace pliant::scratchpad {

struct SubjectOptions {
  // as GraphProblemOptions; tiled: by tile()
  bool fuse = true, weights = false, in_place = false, tiled = false;
  bool zero_copy_concat = false;
  std::int64_t elem_bytes = 0;
  bool kernels = false;  // the plan will be run by kernels if they can, whose workspace then counts
};

struct Subject {
  plan::GraphProblem mapping;
  plan::Work work;
  // the problem counts kernel workspaces, and kernels can run all of it
  bool runs = false;
  std::int64_t alignment = 1;  // that kernels ask of addresses
};

// `complete`: no weight of the graph is without data. Throws Error{invalid} for sizes that
// overflow.
Subject subject_of(const Graph& graph, bool complete, const SubjectOptions& options);

}  // namespace pliant::scratchpad
