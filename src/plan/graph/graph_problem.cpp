#include "plan/graph/graph_problem.h"

#include <algorithm>

#include "core/checked.h"
#include "plan/graph/in_place.h"
#include "plan/graph/zero_copy_concat.h"

namespace pliant::plan {
namespace {

void set_element_size(const Graph& graph, Storage& storage, std::int64_t elem_bytes) {
  std::fill(storage.buffers.begin(), storage.buffers.end(), 0);
  for (const ValueId id : storage.places.ids()) {
    Place& place = storage.places[id];
    if (place.buffer == BufferId::none) continue;
    const Value& value = graph.value(id);
    place.offset =
        checked_multiply(place.offset / size_of(value.type.dtype), elem_bytes, value.name);
    const std::int64_t size = checked_multiply(elements(value.type.shape), elem_bytes, value.name);
    std::int64_t& buffer = storage.buffers[place.buffer];
    buffer = std::max(buffer, checked_add(place.offset, size, value.name));
  }
}

struct BufferFacts {
  std::string name;
  Role role = Role::activation;
};

ById<BufferId, BufferFacts> facts_of(const Graph& graph, const Storage& storage) {
  ById<BufferId, BufferFacts> facts(storage.buffers.size());
  for (const ValueId out : graph.outputs())
    if (const BufferId at = storage.places[out].buffer; at != BufferId::none)
      facts[at].role = Role::output;
  for (const ValueId id : storage.places.ids()) {
    const BufferId at = storage.places[id].buffer;
    if (at == BufferId::none) continue;
    BufferFacts& buffer = facts[at];
    const Value& value = graph.value(id);
    if (buffer.name.empty()) buffer.name = value.name;
    if (value.role != pliant::Role::result)
      buffer.role = value.role == pliant::Role::input ? Role::input : Role::weight;
  }
  return facts;
}

class ProblemMaker {
 public:
  ProblemMaker(const Graph& graph, const GraphProblemOptions& options, GraphProblem& result)
      : graph_(graph), options_(options), result_(result), facts_(facts_of(graph, result.storage)) {
    result.tensor_of.assign(result.storage.buffers.size(), -1);
    for (std::size_t g = 0; g < result.groups.size(); ++g)
      if (!result.storage.is_view[g]) add_operator(g);
  }

 private:
  void add_operator(std::size_t g) {
    const pliant::Group& group = result_.groups[g];
    Operator op;
    op.name = graph_.op(group.ops.back()).name;
    for (const ValueId in : group_inputs(graph_, group)) add_input(op, in);
    for (const ValueId out : group_outputs(graph_, group)) add_operand(op.outputs, out);
    if (options_.workspace) op.workspace = options_.workspace(graph_, group);
    result_.problem.operators.push_back(std::move(op));
    result_.group_of.push_back(static_cast<std::int32_t>(g));
  }

  void add_input(Operator& op, ValueId value) {
    const BufferId buffer = result_.storage.places[value].buffer;
    const std::vector<BufferId>& parts = result_.parts_of[buffer];
    if (parts.empty()) return add_operand(op.inputs, value);
    std::vector<TensorId> run;
    for (const BufferId part : parts) {
      add_buffer(op.inputs, part);
      run.push_back(result_.tensor_of[part]);
    }
    if (std::find(op.adjacent.begin(), op.adjacent.end(), run) == op.adjacent.end())
      op.adjacent.push_back(run);
  }

  void add_operand(std::vector<TensorId>& list, ValueId value) {
    add_buffer(list, result_.storage.places[value].buffer);
  }

  void add_buffer(std::vector<TensorId>& list, BufferId buffer) {
    const BufferFacts& facts = facts_[buffer];
    if (facts.role == Role::weight && !options_.weights) return;
    TensorId& tensor = result_.tensor_of[buffer];
    if (tensor < 0) {
      tensor = static_cast<TensorId>(result_.problem.tensors.size());
      result_.problem.tensors.push_back({facts.name, result_.storage.buffers[buffer], facts.role});
      result_.buffer_of.push_back(buffer);
    }
    if (std::find(list.begin(), list.end(), tensor) == list.end()) list.push_back(tensor);
  }

  const Graph& graph_;
  const GraphProblemOptions& options_;
  GraphProblem& result_;
  ById<BufferId, BufferFacts> facts_;
};

}  // namespace

GraphProblem problem_of(const Graph& graph, const GraphProblemOptions& options) {
  GraphProblem result;
  result.groups = groups(graph, {.fuse = options.fuse, .halo = options.halo});
  result.storage = storage(graph, result.groups);
  if (options.elem_bytes > 0) set_element_size(graph, result.storage, options.elem_bytes);
  result.parts_of.resize(result.storage.buffers.size());
  if (options.concat_alignment > 0) elide_concats(graph, result, options.concat_alignment);
  ProblemMaker(graph, options, result);
  if (options.in_place) find_in_place(graph, result);
  validate(result.problem);
  return result;
}

}  // namespace pliant::plan
