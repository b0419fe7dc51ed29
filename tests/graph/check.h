// Shared by the graph tests: short type names, errors.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/tensor.h"
#include "errors.h"

namespace pliant {

inline TensorType f32(Shape shape) { return {DType::f32, std::move(shape)}; }
inline TensorType i32(Shape shape) { return {DType::i32, std::move(shape)}; }

}  // namespace pliant
