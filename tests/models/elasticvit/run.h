// Running graphs of subnets, and comparing what they give.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "graph/reference/reference.h"
#include "machine/native/native.h"
#include "machine/run_once.h"

namespace pliant::elasticvit {

inline double deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const double each : values) {
    sum += each;
    squares += each * each;
  }
  const double count = static_cast<double>(values.size()), mean = sum / count;
  return std::sqrt(squares / count - mean * mean);
}

// The largest difference, in standard deviations of what is wanted.
inline double apart(const TensorView& got, const TensorView& wanted) {
  EXPECT_EQ(got.type, wanted.type);
  const std::span<const float> a = got.span<const float>(), b = wanted.span<const float>();
  double most = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double each = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = std::isnan(each) ? HUGE_VAL : std::max(most, each);
  }
  return most / deviation(b);
}

inline std::vector<Tensor> reference_run(const Graph& graph, const WeightStore& weights,
                                         const std::vector<Tensor>& inputs,
                                         const EvaluateOptions& options = {}) {
  ThreadPool pool(1);
  return evaluate(graph, weights, views_of(inputs), pool, options);
}

inline std::vector<Tensor> machine_run(Machine& machine, const Graph& graph,
                                       const WeightStore& weights,
                                       const std::vector<Tensor>& inputs) {
  ThreadPool pool(1);
  return run_once(machine, std::make_shared<Graph>(graph), std::make_shared<WeightStore>(weights),
                  views_of(inputs), pool);
}

inline std::vector<Tensor> native_run(const Graph& graph, const WeightStore& weights,
                                      const std::vector<Tensor>& inputs,
                                      const native::Options& options = {}) {
  ThreadPool pool(1);
  native::Machine machine(pool, options);
  return machine_run(machine, graph, weights, inputs);
}

inline std::vector<Tensor> alone(Tensor tensor) {
  std::vector<Tensor> list;
  list.push_back(std::move(tensor));
  return list;
}

}  // namespace pliant::elasticvit
