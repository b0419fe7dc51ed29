#include "machine/scratchpad/subject.h"

#include <algorithm>

#include "machine/native/native.h"

namespace pliant::scratchpad {
namespace {

// Multiply-accumulates, and the bytes of weights that pass by the scratchpad.
plan::Work work_of(const Graph& graph, const plan::GraphProblem& mapping) {
  plan::Work work;
  for (const Op& op : graph.ops()) work.operations += macs(graph, op);
  for (const ValueId v : graph.values().ids()) {
    const BufferId buffer = mapping.storage.places[v].buffer;
    if (graph.value(v).role != Role::weight || buffer == BufferId::none ||
        mapping.tensor_of[buffer] >= 0)
      continue;
    work.streamed_bytes += mapping.storage.buffers[buffer];
    ++work.streamed_tensors;
  }
  return work;
}

std::int64_t kernel_workspace(const Graph& graph, const Group& group) {
  return native::make_kernel(graph, group)->workspace();
}

std::int64_t widest_element(const Graph& graph) {
  std::int64_t widest = 1;
  for (const Value& value : graph.values()) widest = std::max(widest, size_of(value.type.dtype));
  return widest;
}

}  // namespace

Subject subject_of(const Graph& graph, bool complete, const SubjectOptions& options) {
  Subject subject;
  subject.runs =
      options.kernels && options.elem_bytes == 0 && complete && native::refusals(graph).empty();
  if (subject.runs) subject.alignment = widest_element(graph);
  plan::GraphProblemOptions how{
      .fuse = options.fuse,
      .weights = options.weights,
      .elem_bytes = options.elem_bytes,
      .halo = options.tiled,
      .in_place = options.in_place,
      .concat_alignment = options.zero_copy_concat ? subject.alignment : 0,
      .workspace = {}};
  if (subject.runs) how.workspace = kernel_workspace;
  subject.mapping = plan::problem_of(graph, how);
  subject.work = work_of(graph, subject.mapping);
  return subject;
}

}  // namespace pliant::scratchpad
