// NumPy's .npy: one array. Format: numpy.lib.format, versions 1.0 to 3.0.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace pliant {

bool looks_like_npy(std::span<const std::byte> bytes);

// Little-endian bool, integers and floats of 2 to 8 bytes, C or Fortran order. Throws Error{format}
// naming `place` and the byte offset, Error{unsupported} for other element types.
Tensor tensor_from_npy(std::span<const std::byte> bytes, std::string_view place);

std::string npy_bytes(const TensorView& tensor);  // version 1.0, C order; bf16 is written as f32

}  // namespace pliant
