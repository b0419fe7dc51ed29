// Weights and images of the reference data: formulas of tests/golden/elasticvit/README.md.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "core/tensor.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant::elasticvit {

class Formula {
 public:
  explicit Formula(const std::string& text) {
    for (const char letter : text)
      seed_ = (seed_ ^ static_cast<unsigned char>(letter)) * 1099511628211U;
  }
  double at(std::int64_t index) const {
    std::uint64_t z = seed_ + (static_cast<std::uint64_t>(index) + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1;
  }

 private:
  std::uint64_t seed_ = 14695981039346656037U;
};

// prefix: "", "toy_a." or "toy_b."
inline Tensor formula_weight(const std::string& prefix, const std::string& name,
                             const TensorType& type) {
  Tensor tensor(type);
  const Formula u(prefix + name);
  const std::int64_t count = elements(type.shape);
  const bool small = name.ends_with(".bias") || name.ends_with("running_mean");
  const bool matrix = name.ends_with(".weight") && type.shape.size() > 1;
  const double scale =
      matrix ? std::sqrt(6 / (static_cast<double>(count) / static_cast<double>(type.shape[0]))) : 1;
  for (std::int64_t i = 0; float& each : tensor.span<float>()) {
    const double value = u.at(i++);
    if (matrix) each = static_cast<float>(scale * value);
    else if (small) each = static_cast<float>(0.125 * value);
    else if (name.ends_with("running_var")) each = static_cast<float>(1 + 0.5 * std::abs(value));
    else if (name.ends_with("attention_bias")) each = static_cast<float>(value);
    else each = static_cast<float>(1 + 0.125 * value);
  }
  return tensor;
}

inline WeightStore formula_weights(const std::string& prefix, const Graph& graph) {
  WeightStore store;
  for (const Value& value : graph.values())
    if (value.role == Role::weight)
      store.add(value.name, formula_weight(prefix, value.name, value.type));
  return store;
}

inline Tensor formula_image(const std::string& tag, std::int64_t batch, std::int64_t side) {
  Tensor image({DType::f32, {batch, 3, side, side}});
  const Formula coarse("image.coarse." + tag), fine("image.fine." + tag);
  for (std::int64_t i = 0; float& each : image.span<float>()) {
    const std::int64_t x = i % side, y = i / side % side, plane = i / (side * side);
    each = static_cast<float>(coarse.at((plane * 16 + y / 16) * 16 + x / 16) + 0.5 * fine.at(i));
    ++i;
  }
  return image;
}

}  // namespace pliant::elasticvit
