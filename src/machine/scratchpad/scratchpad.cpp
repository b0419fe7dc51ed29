#include "machine/scratchpad/scratchpad.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "machine/scratchpad/kernel_operators.h"

namespace pliant::scratchpad {
namespace {

// Kernels want their elements aligned, so addresses are multiples of the widest element that passes
// the scratchpad.
std::int64_t widest_element(const Graph& graph, const plan::GraphProblem& problem) {
  std::int64_t widest = 1;
  for (const ValueId id : graph.values().ids()) {
    const BufferId buffer = problem.storage.places[id].buffer;
    if (buffer != BufferId::none && problem.tensor_of[buffer] >= 0)
      widest = std::max(widest, size_of(graph.value(id).type.dtype));
  }
  return widest;
}

plan::Plan plan_or_throw(const plan::Problem& problem, std::int64_t bytes,
                         const plan::SolveOptions& options, ThreadPool& pool) {
  if (const plan::Required required = plan::required_size(problem, options.alignment);
      required.bytes > bytes)
    throw Error(ErrorKind::capacity, "operator '" + problem.operators[required.op].name + "'",
                "needs " + std::to_string(required.bytes) + " bytes, the scratchpad has " +
                    std::to_string(bytes));
  plan::Plan plan = plan::solve(problem, bytes, options, pool);
  if (plan.order.size() != problem.operators.size())
    throw Error(ErrorKind::capacity, "scratchpad of " + std::to_string(bytes) + " bytes",
                plan.bound_origin);
  return plan;
}

constexpr std::int64_t concat_alignment = 8;  // of the widest element

class PlannedProgram : public Program {
 public:
  PlannedProgram(std::shared_ptr<const Graph> graph, Folded folded, const ExecuteOptions& options,
                 ThreadPool& pool)
      : graph_(std::move(graph)), folded_(std::move(folded)), native_(options.native) {
    const auto workspace = [&](const Graph& g, const Group& group) {
      return native::make_kernel(g, group, options.native)->workspace();
    };
    problem_ = plan::problem_of(
        folded_.graph, {.fuse = options.fuse,
                        .weights = options.weights,
                        .halo = options.halo,
                        .in_place = options.in_place,
                        .concat_alignment = options.zero_copy_concat ? concat_alignment : 0,
                        .workspace = workspace});
    plan::SolveOptions solve_options = options.solve;
    solve_options.alignment =
        std::max(solve_options.alignment, widest_element(folded_.graph, problem_));
    std::int64_t bytes = options.scratchpad_bytes;
    if (bytes == 0) bytes = plan::scratchpad_sizes(problem_.problem, solve_options, pool).peak;
    plan_ = plan_or_throw(problem_.problem, bytes, solve_options, pool);
  }

  const Graph& graph() const override { return *graph_; }
  const plan::GraphProblem& problem() const override { return problem_; }
  const plan::Plan& plan() const override { return plan_; }
  Need need() const override { return {plan_.scratchpad_bytes}; }

  Execution execute(std::span<const TensorView> inputs, ThreadPool& pool,
                    std::int64_t rows) const override {
    KernelOperators operators(folded_.graph, problem_, folded_.weights, pool, native_, rows);
    return scratchpad::execute(problem_.problem, plan_, operators, operators.contents(inputs));
  }

  void run(const Bindings& bindings, Workspace& workspace) const override {
    if (bindings.rows < 0 || bindings.rows > graph_->rows())
      throw Error(
          ErrorKind::invalid, "rows",
          std::to_string(bindings.rows) + " is outside 0 to " + std::to_string(graph_->rows()));
    const std::int64_t rows = bindings.rows == 0 ? graph_->rows() : bindings.rows;
    check(bindings.inputs, graph_->inputs(), rows, "input");
    check(bindings.outputs, graph_->outputs(), rows, "output");
    const Execution execution = execute(bindings.inputs, workspace.pool(), bindings.rows);
    for (std::size_t i = 0; i < bindings.outputs.size(); ++i) {
      const std::span<const std::byte> whole = output(i, execution, bindings.inputs);
      std::ranges::copy(whole.first(bytes(bindings.outputs[i].type)), bindings.outputs[i].data);
    }
  }

 private:
  void check(std::span<const TensorView> views, const std::vector<ValueId>& values,
             std::int64_t rows, const std::string& what) const {
    if (views.size() != values.size())
      throw Error(
          ErrorKind::invalid, what + "s",
          std::to_string(views.size()) + " bound, the graph has " + std::to_string(values.size()));
    for (std::size_t i = 0; i < views.size(); ++i) {
      const Value& value = graph_->value(values[i]);
      TensorType wanted = value.type;
      if (value.rows) wanted.shape[0] = rows;
      if (views[i].type != wanted)
        throw Error(ErrorKind::invalid, what + " '" + value.name + "'",
                    to_string(views[i].type) + " bound, the graph has " + to_string(wanted));
    }
  }

  // An output that no operator writes is an input, weight or constant passed through, or a view of
  // one. The bytes from its start on; at least as many as it has.
  std::span<const std::byte> output(std::size_t slot, const Execution& execution,
                                    std::span<const TensorView> inputs) const {
    const ValueId id = folded_.graph.outputs()[slot];
    const Place& place = problem_.storage.places[id];
    const plan::TensorId tensor = problem_.tensor_of[place.buffer];
    if (tensor >= 0 && problem_.problem.tensors[tensor].role == plan::Role::output)
      return std::span(execution.outputs[tensor]).subspan(place.offset);
    const std::span<const std::byte> source = leaf_bytes(place.buffer, inputs);
    return source.subspan(place.offset);
  }

  // What the input, weight or constant at the start of a buffer holds.
  std::span<const std::byte> leaf_bytes(BufferId buffer, std::span<const TensorView> inputs) const {
    for (const ValueId id : folded_.graph.values().ids()) {
      const Value& value = folded_.graph.value(id);
      if (value.role == pliant::Role::result || problem_.storage.places[id] != Place{buffer, 0})
        continue;
      if (value.role == pliant::Role::constant) return value.constant->raw();
      if (value.role == pliant::Role::weight) return folded_.weights.at(value.name).bytes;
      const auto& ids = folded_.graph.inputs();
      const std::size_t input = std::ranges::find(ids, id) - ids.begin();
      return {inputs[input].data, static_cast<std::size_t>(bytes(inputs[input].type))};
    }
    throw Error(ErrorKind::unsupported, "scratchpad machine",
                "an output lies in no tensor of the plan");
  }

  std::shared_ptr<const Graph> graph_;
  Folded folded_;
  native::Options native_;
  plan::GraphProblem problem_;
  plan::Plan plan_;
};

}  // namespace

Machine::Machine(ThreadPool& pool, ExecuteOptions options)
    : pool_(pool), options_(std::move(options)) {}

std::vector<Refusal> Machine::refuses(const Graph& graph) const {
  std::vector<Refusal> result = native::refusals(graph);
  for (const OpId id : graph.ops().ids())
    if (native::uses_cache(graph.op(id))) result.push_back({id, "reads a KV cache"});
  return result;
}

std::unique_ptr<pliant::Program> Machine::prepare(std::shared_ptr<const Graph> graph,
                                                  std::shared_ptr<const WeightStore> weights) {
  if (const std::vector<Refusal> refusals = refuses(*graph); !refusals.empty())
    throw Error(ErrorKind::unsupported, "operator '" + graph->op(refusals[0].op).name + "'",
                refusals[0].reason);
  Folded folded = fold(*graph, *weights, pool_);
  return std::make_unique<PlannedProgram>(std::move(graph), std::move(folded), options_, pool_);
}

}  // namespace pliant::scratchpad
