// From a graph to the planner's problem and back: buffers become tensors, groups that move data
// become operators.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graph/graph.h"
#include "graph/passes/passes.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct GraphProblemOptions {
  bool fuse = true;  // false: one operator per group, the file as it is
  // weights and constants are tensors too; else they stream past the scratchpad
  bool weights = false;
  std::int64_t elem_bytes = 0;  // > 0: every element takes so many bytes, whatever its type
  bool halo = false;            // of graphs that tile() made (GroupRules::halo)
  // results may be written over an input where kernels permit it (in_place.h)
  bool in_place = false;
  // > 0: Concats copy nothing where they need not (zero_copy_concat.h)
  std::int64_t concat_alignment = 0;
  // scratch bytes of a group; absent: 0
  std::function<std::int64_t(const Graph&, const pliant::Group&)> workspace;
};

struct GraphProblem {
  Problem problem;
  std::vector<pliant::Group> groups;
  Storage storage;
  std::vector<std::int32_t> group_of;  // per operator of `problem`: index into groups
  std::vector<BufferId> buffer_of;     // per tensor of `problem`
  ById<BufferId, TensorId> tensor_of;  // -1: not planned, or in parts
  // of a Concat that copies nothing: whose bytes it is, in order
  ById<BufferId, std::vector<BufferId>> parts_of;
};

// Tensors are named after the first value in their buffer, operators after the last operator of
// their group. Throws Error{invalid} for sizes that overflow.
GraphProblem problem_of(const Graph& graph, const GraphProblemOptions& options = {});

}  // namespace pliant::plan
