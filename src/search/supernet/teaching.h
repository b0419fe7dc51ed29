// What teachers say, as targets of others.
#pragma once

#include <span>

#include "core/tensor.h"

namespace pliant::search {

// softmax(logits / temperature) per row, f32 [R, classes]. Below 1 it is sharper. Throws
// Error{invalid} for a temperature that is not positive.
Tensor softened(const TensorView& logits, double temperature);

// Element by element; all have one type. Throws Error{invalid} for none.
Tensor mean_of(std::span<const Tensor> distributions);

}  // namespace pliant::search
