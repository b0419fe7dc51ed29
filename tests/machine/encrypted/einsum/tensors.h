// Random tensors, the reference evaluator's answer, and a run on the simulator beside it.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"
#include "machine/encrypted/einsum/backend/in_the_clear.h"
#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/einsum/simulator/simulator.h"

namespace pliant::einsum {

inline std::vector<Tensor> random_tensors(const std::vector<Shape>& shapes, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> result;
  for (const Shape& shape : shapes) {
    result.emplace_back(TensorType{DType::f64, shape});
    fill_uniform(result.back().view(), rng, -1, 1);
  }
  return result;
}

inline std::vector<TensorView> views(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.view());
  return result;
}

inline Tensor reference(const std::string& expression, const std::vector<TensorView>& operands) {
  ThreadPool pool(1);
  return in_the_clear(expression, operands, pool);
}

inline double difference(const Tensor& a, const Tensor& b) {
  if (a.type().shape != b.type().shape) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.span<double>().size(); ++i) {
    const double here = std::abs(a.span<double>()[i] - b.span<double>()[i]);
    if (!(here <= worst)) worst = here;  // NaN too, and for good
    if (std::isnan(worst)) return INFINITY;
  }
  return worst;
}

}  // namespace pliant::einsum
