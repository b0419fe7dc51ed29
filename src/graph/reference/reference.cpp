#include "graph/reference/reference.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "graph/reference/kernels.h"

namespace pliant {
namespace {

class Evaluation {
 public:
  Evaluation(const Graph& graph, const WeightStore& weights, std::span<const TensorView> inputs,
             ThreadPool& pool, const EvaluateOptions& options)
      : graph_(graph), weights_(weights), pool_(pool), options_(options) {
    rows_ = options.rows == 0 ? graph.rows() : options.rows;
    if (rows_ < 0 || rows_ > graph.rows())
      throw Error(ErrorKind::invalid, "rows",
                  fmt::format("{} is outside 0 to {}", options.rows, graph.rows()));
    views_.resize(graph.values().size());
    owned_.resize(views_.size());
    bind(inputs);
    count_uses();
  }

  std::vector<Tensor> run() {
    for (const Op& op : graph_.ops()) step(op);
    std::vector<Tensor> results;
    for (const ValueId id : graph_.outputs()) results.push_back(take(id));
    return results;
  }

 private:
  TensorType type_now(const Value& value) const {  // with the rows of this run
    TensorType type = value.type;
    if (value.rows) type.shape[0] = rows_;
    return type;
  }

  void bind(std::span<const TensorView> inputs) {
    if (inputs.size() != graph_.inputs().size())
      throw Error(ErrorKind::invalid, "inputs",
                  fmt::format("the graph has {}, {} given", graph_.inputs().size(), inputs.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueId id = graph_.inputs()[i];
      const TensorType wanted = type_now(graph_.value(id));
      if (inputs[i].type != wanted)
        throw Error(ErrorKind::invalid, "input " + graph_.value(id).name,
                    fmt::format("is {}, given {}", to_string(wanted), to_string(inputs[i].type)));
      view(id) = inputs[i];
    }
    check_weights(graph_, weights_);
  }

  void count_uses() {
    uses_.assign(views_.size(), 0);
    for (const Op& op : graph_.ops())
      for (const ValueId id : op.in) ++uses_[id];
    for (const ValueId id : graph_.outputs()) ++uses_[id];
  }

  TensorView& view(ValueId id) { return views_[id]; }

  void own(ValueId id, Tensor tensor) {
    view(id) = tensor.view();
    owned_[id] = std::move(tensor);
  }

  const TensorView& fetch(ValueId id) {  // weights are decoded when first needed
    const Value& value = graph_.value(id);
    if (view(id).data == nullptr && value.role == Role::constant) view(id) = value.constant->view();
    if (view(id).data == nullptr && value.role == Role::weight)
      own(id, decode(weights_.at(value.name)));
    return view(id);
  }

  void release(ValueId id) {
    if (--uses_[id] > 0 || owned_[id].view().data == nullptr) return;
    owned_[id] = Tensor();
    view(id).data = nullptr;
  }

  void step(const Op& op) {
    std::vector<TensorView> operands, results;
    for (const ValueId id : op.in) operands.push_back(fetch(id));
    for (const ValueId id : op.out) {
      own(id, Tensor(type_now(graph_.value(id))));
      results.push_back(view(id));
    }
    evaluate(op, operands, results, pool_);
    for (const ValueId id : op.out) {
      if (options_.observe) options_.observe(id, view(id));
      ++uses_[id];  // so that a result nobody reads is freed here
    }
    for (const ValueId id : op.in) release(id);
    for (const ValueId id : op.out) release(id);
  }

  Tensor take(ValueId id) {
    const TensorView& found = fetch(id);
    Tensor& own = owned_[id];
    if (uses_[id] == 1 && own.view().data != nullptr) return std::move(own);
    --uses_[id];
    return decode(
        {found.type, Encoding::plain, std::as_bytes(std::span(found.data, bytes_of(found)))});
  }

  static std::size_t bytes_of(const TensorView& view) {
    return static_cast<std::size_t>(bytes(view.type));
  }

  const Graph& graph_;
  const WeightStore& weights_;
  ThreadPool& pool_;
  const EvaluateOptions& options_;
  std::int64_t rows_ = 0;
  ById<ValueId, TensorView> views_;
  ById<ValueId, Tensor> owned_;
  ById<ValueId, std::int64_t> uses_;
};

}  // namespace

void check_weights(const Graph& graph, const WeightStore& weights) {
  for (const Value& value : graph.values())
    if (value.role == Role::weight && weights.at(value.name).type != value.type)
      throw Error(ErrorKind::invalid, "weight " + value.name,
                  fmt::format("is {} in the graph, {} in the store", to_string(value.type),
                              to_string(weights.at(value.name).type)));
}

std::vector<Tensor> evaluate(const Graph& graph, const WeightStore& weights,
                             std::span<const TensorView> inputs, ThreadPool& pool,
                             const EvaluateOptions& options) {
  return Evaluation(graph, weights, inputs, pool, options).run();
}

void evaluate(const Op& op, std::span<const TensorView> operands,
              std::span<const TensorView> results, ThreadPool& pool) {
  const reference::OperatorCall call{op.name, operands, results, pool};
  std::visit([&](const auto& kind) { reference::evaluate(kind, call); }, op.kind);
}

}  // namespace pliant
