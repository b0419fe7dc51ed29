#include "machine/encrypted/graph/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "graph/reference/reference.h"

namespace pliant::encrypted {
namespace {

// The values that the plan reads in the clear, and what they are computed from.
class InTheClear {
 public:
  InTheClear(const Graph& graph, const WeightStore& weights, std::span<const TensorView> inputs,
             ThreadPool& pool)
      : graph_(graph),
        weights_(weights),
        inputs_(inputs),
        pool_(pool),
        views_(graph.values().size()) {}

  const TensorView& value(ValueId id) {
    TensorView& view = views_[id];
    if (view.data != nullptr) return view;
    const Value& value = graph_.value(id);
    switch (value.role) {
      case Role::constant: return view = value.constant->view();
      case Role::weight: return view = keep(decode(weights_.at(value.name)));
      case Role::input: return view = input(id);
      case Role::result: break;
    }
    evaluate_op(graph_.op(value.producer));
    return view;
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
    for (const ValueId id : op.in) operands.push_back(value(id));
    for (const ValueId id : op.out) {
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
  std::vector<Tensor> owned_;
};

void require_count(const GraphPlan& plan, std::span<const TensorView> inputs) {
  if (inputs.size() != plan.graph->inputs().size())
    throw Error(
        ErrorKind::invalid, "inputs",
        fmt::format("the graph has {}, {} given", plan.graph->inputs().size(), inputs.size()));
}

}  // namespace

PlainTensors::PlainTensors(const GraphPlan& plan, const WeightStore& weights,
                           std::span<const TensorView> inputs, ThreadPool& pool) {
  require_count(plan, inputs);
  check_weights(*plan.graph, weights);
  InTheClear clear(*plan.graph, weights, inputs, pool);
  for (const std::size_t input : plan.secret)
    views_.push_back({plan.graph->value(plan.graph->inputs()[input]).type, nullptr});
  for (const PlainTensor& tensor : plan.plain) {
    owned_.push_back(clear.tensor(tensor));
    views_.push_back(owned_.back().view());
  }
}

einsum::Decrypted run(const GraphPlan& plan, einsum::Backend& backend, const WeightStore& weights,
                      std::span<const TensorView> inputs, ThreadPool& pool) {
  const PlainTensors plain(plan, weights, inputs, pool);
  std::vector<TensorView> tensors(plain.views().begin(), plain.views().end());
  for (std::size_t i = 0; i < plan.secret.size(); ++i) tensors[i] = inputs[plan.secret[i]];
  einsum::Decrypted result = einsum::run(plan.plan, backend, tensors);
  result.error_bound += plan.approximation;
  return result;
}

}  // namespace pliant::encrypted
