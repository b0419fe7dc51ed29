#include "machine/scratchpad/kernel_operators.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <string>

#include "core/error.h"

namespace pliant::scratchpad {
namespace {

TensorView view_of(const TensorType& type, std::byte* data, const std::string& name) {
  if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(size_of(type.dtype)) !=
      0)
    throw Error(ErrorKind::unsupported, "operator '" + name + "'",
                "an address is not a multiple of its element size of " +
                    std::to_string(size_of(type.dtype)) + " bytes",
                "plan with an alignment of that size");
  return {type, data};
}

}  // namespace

KernelOperators::KernelOperators(const Graph& graph, const plan::GraphProblem& problem,
                                 const WeightStore& weights, ThreadPool& pool,
                                 const native::Options& options, std::int64_t rows)
    : graph_(graph),
      problem_(problem),
      pool_(pool),
      rows_(rows),
      value_bytes_(graph.values().size(), nullptr),
      buffer_bytes_(problem.storage.buffers.size(), nullptr) {
  for (const ValueId id : graph.values().ids()) {
    const Value& value = graph.value(id);
    if (value.role == pliant::Role::constant) value_bytes_[id] = value.constant->view().data;
    if (value.role == pliant::Role::weight) {
      const Stored& stored = weights.at(value.name);
      if (stored.encoding == Encoding::plain) {
        value_bytes_[id] = const_cast<std::byte*>(stored.bytes.data());
      } else {
        decoded_.push_back(decode(stored));
        value_bytes_[id] = decoded_.back().view().data;
      }
    }
    const Place& place = problem.storage.places[id];
    if (value_bytes_[id] != nullptr && place.buffer != BufferId::none)
      buffer_bytes_[place.buffer] = value_bytes_[id] - place.offset;
  }
  for (std::size_t op = 0; op < problem.problem.operators.size(); ++op) {
    const plan::Operator& planned = problem.problem.operators[op];
    const Group& group = problem.groups[problem.group_of[op]];
    Step step{native::make_kernel(graph, group, options), {}, {}, planned.name};
    if (step.kernel->workspace() > planned.workspace)
      throw Error(ErrorKind::invalid, "operator '" + planned.name + "'",
                  "its kernel needs " + std::to_string(step.kernel->workspace()) +
                      " bytes of workspace, the problem has " + std::to_string(planned.workspace));
    for (const ValueId value : group_inputs(graph, group))
      step.in.push_back(operand(value, planned.inputs));
    for (const ValueId value : group_outputs(graph, group))
      step.out.push_back(operand(value, planned.outputs));
    steps_.push_back(std::move(step));
  }
}

KernelOperators::Operand KernelOperators::operand(
    ValueId value, const std::vector<plan::TensorId>& tensors) const {
  const Place& place = problem_.storage.places[value];
  Operand result{graph_.value(value).type, -1, place.offset, nullptr};
  plan::TensorId tensor = place.buffer == BufferId::none ? -1 : problem_.tensor_of[place.buffer];
  if (place.buffer != BufferId::none &&
      !problem_.parts_of[place.buffer].empty())  // a run of tensors: where the first lies
    tensor = problem_.tensor_of[problem_.parts_of[place.buffer][0]];
  const auto found = std::ranges::find(tensors, tensor);
  if (tensor >= 0 && found != tensors.end()) {
    result.span = static_cast<std::int32_t>(found - tensors.begin());
    return result;
  }
  result.unplanned = place.buffer == BufferId::none ? value_bytes_[value]
                                                    : buffer_bytes_[place.buffer] + place.offset;
  assert(result.unplanned != nullptr);
  return result;
}

void KernelOperators::run(plan::OperatorId op, std::span<const std::span<std::byte>> inputs,
                          std::span<const std::span<std::byte>> outputs,
                          std::span<std::byte> workspace) {
  const Step& step = steps_[op];
  const auto views = [&](const std::vector<Operand>& operands,
                         std::span<const std::span<std::byte>> spans) {
    std::vector<TensorView> result;
    for (const Operand& each : operands) {
      std::byte* data = each.span < 0 ? each.unplanned : spans[each.span].data() + each.offset;
      result.push_back(view_of(each.type, data, step.name));
    }
    return result;
  };
  step.kernel->run(views(step.in, inputs), views(step.out, outputs), workspace.data(), pool_,
                   rows_);
}

Contents KernelOperators::contents(std::span<const TensorView> inputs) const {
  Contents result(problem_.problem.tensors.size());
  const auto copy = [&](ValueId value, const TensorView& view) {
    const Place& place = problem_.storage.places[value];
    const plan::TensorId tensor =
        place.buffer == BufferId::none ? -1 : problem_.tensor_of[place.buffer];
    if (tensor < 0) return;
    TensorBytes& bytes = result[tensor];
    bytes.resize(problem_.problem.tensors[tensor].bytes);
    std::copy_n(view.data, pliant::bytes(view.type), bytes.begin() + place.offset);
  };
  for (std::size_t i = 0; i < graph_.inputs().size(); ++i) copy(graph_.inputs()[i], inputs[i]);
  for (const ValueId id : value_bytes_.ids())
    if (value_bytes_[id] != nullptr) copy(id, {graph_.value(id).type, value_bytes_[id]});
  return result;
}

}  // namespace pliant::scratchpad
