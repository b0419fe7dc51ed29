// What a plan's result is compared with.
#pragma once

#include <span>
#include <string>

#include "core/pool.h"
#include "core/tensor.h"

namespace pliant::einsum {

// The reference evaluator's answer to an einsum (ellipses, an implied output and axes of size 1 as
// in numpy), in f64. Throws as parse_notation() and expand_notation() do.
Tensor in_the_clear(const std::string& expression, std::span<const TensorView> operands,
                    ThreadPool& pool);

}  // namespace pliant::einsum
