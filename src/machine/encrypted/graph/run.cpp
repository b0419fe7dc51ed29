#include "machine/encrypted/graph/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "graph/passes/passes.h"
#include "graph/reference/reference.h"

namespace pliant::encrypted {
namespace {

constexpr double kRounding = 1 + 1e-5;  // of sums in f32

// The values that the plan reads in the clear, and what they are computed from.
class InTheClear {
 public:
  InTheClear(const Graph& graph, const WeightStore& weights, std::span<const TensorView> inputs,
             ThreadPool& pool)
      : graph_(graph),
        weights_(weights),
        inputs_(inputs),
        pool_(pool),
        views_(graph.values().size()),
        known_(graph.values().size(), false) {}

  // With what it is computed from, however deep that is.
  const TensorView& value(ValueId wanted) {
    std::vector<ValueId> waiting{wanted};
    while (!waiting.empty()) {
      const ValueId id = waiting.back();
      if (!known_[id]) make(id, waiting);
      if (known_[id]) waiting.pop_back();
    }
    return views_[wanted];
  }

  Tensor tensor(const PlainTensor& tensor) {
    std::vector<TensorView> operands;
    for (const ValueId id : tensor.operands) operands.push_back(value(id));
    Tensor result(TensorType{DType::f64, tensor.shape});
    evaluate(Op{kind::Map{tensor.expr, DType::f64}, {}, {}, ""}, operands,
             std::vector<TensorView>{result.view()}, pool_);
    return result;
  }

 private:
  // Or adds to `waiting` what must be made first.
  void make(ValueId id, std::vector<ValueId>& waiting) {
    const Value& value = graph_.value(id);
    if (value.role == Role::result) {
      const Op& op = graph_.op(value.producer);
      const std::size_t before = waiting.size();
      for (const ValueId from : op.in)
        if (!known_[from]) waiting.push_back(from);
      if (waiting.size() == before) evaluate_op(op);
      return;
    }
    if (value.role == Role::constant) views_[id] = value.constant->view();
    else views_[id] = value.role == Role::input ? input(id) : keep(decode(weights_.at(value.name)));
    known_[id] = true;
  }

  TensorView keep(Tensor tensor) {
    owned_.push_back(std::move(tensor));
    return owned_.back().view();
  }

  const TensorView& input(ValueId id) const {
    const auto at = std::ranges::find(graph_.inputs(), id) - graph_.inputs().begin();
    const TensorView& view = inputs_[at];
    if (view.type != graph_.value(id).type)
      throw Error(
          ErrorKind::invalid, "input " + graph_.value(id).name,
          fmt::format("is {}, given {}", to_string(graph_.value(id).type), to_string(view.type)));
    return view;
  }

  void evaluate_op(const Op& op) {
    std::vector<TensorView> operands, results;
    for (const ValueId id : op.in) operands.push_back(views_[id]);
    for (const ValueId id : op.out) {
      known_[id] = true;
      views_[id] = keep(Tensor(graph_.value(id).type));
      results.push_back(views_[id]);
    }
    evaluate(op, operands, results, pool_);
  }

  const Graph& graph_;
  const WeightStore& weights_;
  std::span<const TensorView> inputs_;
  ThreadPool& pool_;
  ById<ValueId, TensorView> views_;
  ById<ValueId, bool> known_;
  std::vector<Tensor> owned_;
};

// What is computed in f32 may be beyond what was planned by its rounding.
void require_range(const Value& value, const TensorView& view, const Interval& range) {
  const double slack = value.role == Role::result ? (kRounding - 1) * range.magnitude() : 0;
  for (std::int64_t i = 0; i < elements(view.type.shape); ++i)
    if (const double element = get(view, i);
        !(element >= range.low - slack && element <= range.high + slack))
      throw Error(ErrorKind::invalid, "value " + value.name,
                  fmt::format("element {} is {}, planned for at most {} and at least {}", i,
                              element, range.high, range.low),
                  "state a range that holds it, or observe one, and plan again");
}

// Values that inputs come into.
ById<ValueId, bool> changing_values(const Graph& graph) {
  std::set<std::string> all;
  for (const ValueId id : graph.inputs()) all.insert(graph.value(id).name);
  return encrypted_values(graph, all);
}

Tensor absolute(const TensorView& view) {
  Tensor result(view.type);
  for (std::int64_t i = 0; i < elements(view.type.shape); ++i)
    set(result.view(), i, std::abs(get(view, i)));
  return result;
}

// Of an Einsum: with |coefficients|, and ones in place of its encrypted operand.
double gain_of(const Op& op, const Graph& graph, const ById<ValueId, bool>& encrypted,
               InTheClear& clear, ThreadPool& pool) {
  std::vector<Tensor> operands;
  std::vector<TensorView> views;
  for (const ValueId id : op.in) {
    const TensorType& type = graph.value(id).type;
    operands.push_back(encrypted[id] ? Tensor::of(type.dtype, type.shape,
                                                  std::vector<double>(elements(type.shape), 1))
                                     : absolute(clear.value(id)));
    views.push_back(operands.back().view());
  }
  const Tensor result(graph.value(op.out[0]).type);
  evaluate(op, views, std::vector<TensorView>{result.view()}, pool);
  double most = 0;
  for (std::int64_t i = 0; i < elements(result.type().shape); ++i)
    most = std::max(most, get(result.view(), i));
  return most;
}

Gains gains_of(const Graph& core, const WeightStore& weights, const std::set<std::string>& secret,
               ThreadPool& pool) {
  const ById<ValueId, bool> encrypted = encrypted_values(core, secret),
                            changing = changing_values(core);
  InTheClear clear(core, weights, {}, pool);
  Gains gains;
  for (const Op& op : core.ops()) {
    if (!std::holds_alternative<kind::Einsum>(op.kind)) continue;
    const auto is_encrypted = [&](ValueId id) { return encrypted[id]; };
    const auto is_known = [&](ValueId id) { return encrypted[id] || !changing[id]; };
    if (std::ranges::count_if(op.in, is_encrypted) == 1 && std::ranges::all_of(op.in, is_known))
      gains[core.value(op.out[0]).name] = kRounding * gain_of(op, core, encrypted, clear, pool);
  }
  return gains;
}

void require_gains(const GraphPlan& plan, const WeightStore& weights, ThreadPool& pool) {
  if (plan.gains.empty()) return;
  std::set<std::string> secret;
  for (const std::size_t input : plan.secret)
    secret.insert(plan.graph->value(plan.graph->inputs()[input]).name);
  const Gains own = gains_of(*plan.graph, weights, secret, pool);
  for (const auto& [name, gain] : plan.gains)
    if (const auto at = own.find(name); at == own.end() || !(at->second <= gain))
      throw Error(ErrorKind::invalid, "gain of " + name,
                  at == own.end() ? "is stated, and depends on more than weights"
                                  : fmt::format("is {}, planned for {}", at->second, gain),
                  "observe the gains of these weights and plan again");
}

void require_count(const GraphPlan& plan, std::span<const TensorView> inputs) {
  if (inputs.size() != plan.graph->inputs().size())
    throw Error(
        ErrorKind::invalid, "inputs",
        fmt::format("the graph has {}, {} given", plan.graph->inputs().size(), inputs.size()));
}

}  // namespace

Gains observe_gains(const Graph& graph, const WeightStore& weights,
                    const std::set<std::string>& secret, ThreadPool& pool) {
  const Graph core = decompose(graph);
  check_weights(core, weights);
  return gains_of(core, weights, secret, pool);
}

void require_in_range(const GraphPlan& plan, std::span<const TensorView> secret) {
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const ValueId id = plan.graph->inputs()[plan.secret[i]];
    require_range(plan.graph->value(id), secret[i], plan.ranges.at(id));
  }
}

PlainTensors::PlainTensors(const GraphPlan& plan, const WeightStore& weights,
                           std::span<const TensorView> inputs, ThreadPool& pool) {
  require_count(plan, inputs);
  check_weights(*plan.graph, weights);
  require_gains(plan, weights, pool);
  InTheClear clear(*plan.graph, weights, inputs, pool);
  for (const std::size_t input : plan.secret)
    views_.push_back({plan.graph->value(plan.graph->inputs()[input]).type, nullptr});
  for (const PlainTensor& tensor : plan.plain) {
    for (const ValueId id : tensor.operands)
      require_range(plan.graph->value(id), clear.value(id), plan.ranges.at(id));
    owned_.push_back(clear.tensor(tensor));
    views_.push_back(owned_.back().view());
  }
}

einsum::Decrypted run(const GraphPlan& plan, einsum::Backend& backend, const WeightStore& weights,
                      std::span<const TensorView> inputs, ThreadPool& pool) {
  const PlainTensors plain(plan, weights, inputs, pool);
  std::vector<TensorView> tensors(plain.views().begin(), plain.views().end());
  for (std::size_t i = 0; i < plan.secret.size(); ++i) tensors[i] = inputs[plan.secret[i]];
  require_in_range(plan, std::span(tensors).first(plan.secret.size()));
  einsum::Decrypted result = einsum::run(plan.plan, backend, tensors);
  result.error_bound += plan.approximation;
  return result;
}

}  // namespace pliant::encrypted
