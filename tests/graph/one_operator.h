// Runs one operator, or a graph on literal inputs, on the reference evaluator.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"
#include "errors.h"
#include "graph/builder.h"
#include "graph/reference/reference.h"

namespace pliant::oracle {

inline std::vector<TensorView> views(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.view());
  return result;
}

inline Graph one_operator(const Kind& kind, const std::vector<TensorType>& operands,
                          int results = 1) {
  Builder b;
  std::vector<ValueId> in;
  for (std::size_t i = 0; i < operands.size(); ++i)
    in.push_back(b.input("in" + std::to_string(i), operands[i]));
  for (const ValueId id : b.add(kind, in, "op", results)) b.output(id);
  return b.finish();
}

inline std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& inputs,
                               int threads = 1) {
  ThreadPool pool(threads);
  return evaluate(graph, {}, views(inputs), pool);
}

inline std::vector<Tensor> run(const Kind& kind, const std::vector<Tensor>& operands,
                               int results = 1, int threads = 1) {
  std::vector<TensorType> types;
  for (const Tensor& operand : operands) types.push_back(operand.type());
  return run(one_operator(kind, types, results), operands, threads);
}

template <typename... Operands>
std::vector<Tensor> list(Operands&&... operands) {
  std::vector<Tensor> result;
  (result.push_back(std::move(operands)), ...);
  return result;
}

inline std::vector<double> values(const Tensor& tensor) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i)
    result.push_back(get(tensor.view(), i));
  return result;
}

inline Tensor normal(Rng& rng, Shape shape, DType dtype = DType::f32) {
  Tensor tensor(TensorType{dtype, std::move(shape)});
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i)
    set(tensor.view(), i, rng.normal());
  return tensor;
}

inline Tensor integers(Rng& rng, Shape shape, std::int64_t low, std::int64_t high,
                       DType dtype = DType::i32) {
  Tensor tensor(TensorType{dtype, std::move(shape)});
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i)
    set_int(tensor.view(), i, rng.between(low, high));
  return tensor;
}

inline Tensor counting(DType dtype, Shape shape) {  // 0, 1, 2 ...
  Tensor tensor(TensorType{dtype, std::move(shape)});
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i) set_int(tensor.view(), i, i);
  return tensor;
}

// Elements differ by at most `tolerance` times the largest magnitude of `wanted` (or `least`).
inline void expect_close(const std::vector<double>& got, const std::vector<double>& wanted,
                         double tolerance, double least = 1e-30) {
  ASSERT_EQ(got.size(), wanted.size());
  double scale = least;
  for (const double each : wanted)
    if (std::isfinite(each)) scale = std::max(scale, std::abs(each));
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == wanted[i] || (std::isnan(got[i]) && std::isnan(wanted[i]))) continue;
    ASSERT_LE(std::abs(got[i] - wanted[i]), tolerance * scale)
        << "element " << i << ": " << got[i] << ", " << wanted[i];
  }
}

}  // namespace pliant::oracle
