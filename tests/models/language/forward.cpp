#include "models/language/forward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace pliant::language {
namespace {

TensorView view_of(std::span<const std::int32_t> values) {
  auto* data = const_cast<std::int32_t*>(values.data());  // NOLINT: only read
  return {{DType::i32, {std::ssize(values)}}, reinterpret_cast<std::byte*>(data)};
}

}  // namespace

Forward::Forward(const LanguageModel& model, Runner runner, std::int64_t rows, int threads)
    : model_(model), runner_(runner), pool_(threads) {
  graphs_.push_back(std::make_shared<Graph>(embed_graph(model.config, rows)));
  for (int i = 0; i < std::ssize(model.config.layers); ++i)
    graphs_.push_back(std::make_shared<Graph>(layers_graph(model.config, i, i + 1, rows, false)));
  graphs_.push_back(std::make_shared<Graph>(head_graph(model.config, rows)));
  if (runner == Runner::reference) return;
  native::Machine machine(pool_);
  for (const auto& graph : graphs_) programs_.push_back(machine.prepare(graph, model.weights));
}

Tensor Forward::run(std::size_t index, std::vector<TensorView> inputs) const {
  const Graph& graph = *graphs_[index];
  inputs.resize(graph.inputs().size());
  const std::int64_t rows = inputs[0].type.shape[0];
  if (runner_ == Runner::reference)
    return std::move(
        evaluate(graph, *model_.weights, inputs, pool_, {.rows = rows, .observe = {}})[0]);
  TensorType type = graph.value(graph.outputs()[0]).type;
  type.shape[0] = rows;
  Tensor result(type);
  const std::vector<TensorView> outputs{result.view()};
  Workspace workspace(programs_[index]->need(), pool_);
  programs_[index]->run({inputs, outputs, rows, nullptr}, workspace);
  return result;
}

std::vector<Tensor> Forward::hidden(std::span<const std::int32_t> ids,
                                    std::span<const std::int32_t> seq,
                                    std::span<const std::int32_t> pos) const {
  std::vector<Tensor> result;
  const std::vector<std::int32_t> tag(ids.size(), 0);
  Tensor hidden = run(0, {view_of(ids), view_of(pos)});
  for (std::size_t i = 1; i + 1 < graphs_.size(); ++i) {
    Tensor next = run(i, {hidden.view(), view_of(seq), view_of(pos), view_of(tag)});
    hidden = next.copy();
    result.push_back(std::move(next));
  }
  return result;
}

Tensor Forward::logits(std::span<const std::int32_t> ids, std::span<const std::int32_t> seq,
                       std::span<const std::int32_t> pos) const {
  return run(graphs_.size() - 1, {hidden(ids, seq, pos).back().view()});
}

Tensor Forward::logits(std::span<const std::int32_t> ids) const {
  std::vector<std::int32_t> seq(ids.size(), 0), pos;
  for (std::size_t i = 0; i < ids.size(); ++i) pos.push_back(static_cast<std::int32_t>(i));
  return logits(ids, seq, pos);
}

std::int32_t largest(const Tensor& logits, std::int64_t row) {
  const std::int64_t width = logits.type().shape[1];
  const auto values = logits.span<float>().subspan(row * width, width);
  return static_cast<std::int32_t>(std::ranges::max_element(values) - values.begin());
}

std::vector<std::int32_t> greedy(const Forward& forward, std::vector<std::int32_t> ids,
                                 std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(largest(forward.logits(ids), std::ssize(ids) - 1));
  return ids;
}

std::vector<std::int32_t> integers(const Stored& stored) {
  const Tensor tensor = decode(stored);
  std::vector<std::int32_t> result;
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i)
    result.push_back(static_cast<std::int32_t>(get_int(tensor.view(), i)));
  return result;
}

double greatest_difference(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(elements(got.type().shape), elements(wanted.type().shape));
  double greatest = 0;
  for (std::int64_t i = 0; i < elements(got.type().shape); ++i) {
    const double difference = std::abs(get(got.view(), i) - get(wanted.view(), i));
    if (!(difference <= greatest)) greatest = difference;
  }
  return greatest;
}

}  // namespace pliant::language
