// ONNX's numbers for element types.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor.h"

namespace pliant::onnx {

// empty: strings, complex numbers, newer types
std::optional<DType> dtype_of(std::int64_t onnx_type);
std::int32_t onnx_type_of(DType dtype);

}  // namespace pliant::onnx
