#pragma once

#include <vector>

#include "core/tensor.h"

namespace pliant {

inline std::vector<TensorView> views_of(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> result;
  for (const Tensor& each : tensors) result.push_back(each.view());
  return result;
}

}  // namespace pliant
