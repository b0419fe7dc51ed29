// MLX's affine quantisation: groups of neighbours along a row, each with a scale and a bias;
// docs/formats.md draws it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/tensor.h"
#include "quant/store.h"

namespace pliant::mlx {

struct Quantized {
  Tensor codes;           // u32 [rows, columns * bits / 32], the first code in the lowest bits
  Tensor scales, biases;  // f32 [rows, columns / group]
};

// `values` f32 [rows, columns], finite, columns a multiple of the group; bits 4 or 8.
Quantized quantize(const TensorView& values, int bits, std::int64_t group);

// The tensors of a folder with every "X.weight" that has "X.scales" and "X.biases" decoded to f32;
// the others shared. Throws Error{invalid} at `place` for shapes that do not fit each other,
// Error{unsupported} for other bits than 2, 4 and 8, or types that are no floats.
WeightStore dequantized(const WeightStore& tensors, std::int64_t group, std::string_view place);

}  // namespace pliant::mlx
