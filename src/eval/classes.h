// What a classifier says: its highest scores, with their shares.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace pliant::eval {

struct Class {
  std::int64_t index = 0;
  double value = 0, probability = 0;
  std::string label;
};

// The `count` highest of `scores` (any shape), the highest first; of equal ones the lower index.
// Probabilities are the scores themselves if they add up to 1, else their softmax. `labels`: one
// per score, or none.
std::vector<Class> top_classes(const TensorView& scores, std::int64_t count,
                               std::span<const std::string> labels = {});

}  // namespace pliant::eval
