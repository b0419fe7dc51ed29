// Elements of any type to f32 and back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor.h"

namespace pliant::native {

// out[i] = element i * stride
void load_f32(const std::byte* data, DType dtype, std::int64_t stride, std::int64_t n, float* out);
// Element i of out = x[i * stride]; to an integer type: rounded to even, saturated, NaN to 0.
void store_f32(const float* x, std::int64_t stride, std::byte* out, DType dtype, std::int64_t n);

std::int64_t load_int(const std::byte* data, DType dtype, std::int64_t index);
// saturates; bool: not zero
void store_int(std::byte* data, DType dtype, std::int64_t index, std::int64_t value);

}  // namespace pliant::native
