// Random tensors, the reference evaluator's answer, and a run on the simulator beside it.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"
#include "graph/kinds/notation.h"
#include "graph/reference/reference.h"
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
  std::vector<Shape> shapes;
  for (const TensorView& operand : operands) shapes.push_back(operand.type.shape);
  const EinsumPlan plan = expand_notation(parse_notation(expression, "test"), shapes, "test");
  std::vector<TensorView> reshaped = operands;
  for (std::size_t i = 0; i < operands.size(); ++i) reshaped[i].type.shape = plan.operands[i];
  Shape shape;
  for (const char label : plan.einsum.out)
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const std::size_t axis = plan.einsum.in[i].find(label);
      if (axis == std::string::npos) continue;
      shape.push_back(plan.operands[i][axis]);
      break;
    }
  Tensor out(TensorType{DType::f64, shape});
  const std::vector<TensorView> results{out.view()};
  ThreadPool pool(1);
  evaluate(Op{plan.einsum, {}, {}, ""}, reshaped, results, pool);
  return out;
}

inline double difference(const Tensor& a, const Tensor& b) {
  if (a.type().shape != b.type().shape) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.span<double>().size(); ++i)
    worst = std::max(worst, std::abs(a.span<double>()[i] - b.span<double>()[i]));
  return worst;
}

}  // namespace pliant::einsum
