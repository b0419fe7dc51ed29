// ONNX's numbers for element types.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor.h"

namespace pliant::onnx {

std::optional<DType> dtype_of(std::int64_t onnx_type);  // empty: strings, complex numbers, newer types
std::int32_t onnx_type_of(DType dtype);

}  // namespace pliant::onnx
