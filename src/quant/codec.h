// Block codecs: encoded bytes to f32. One scalar function per encoding, exact to the bit; SIMD belongs to machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quant/encoding.h"

namespace pliant {

// `elements` is a multiple of the block; `into` holds as many floats. Not for plain.
void decode_blocks(Encoding encoding, const std::byte* blocks, std::int64_t elements, float* into);

// The first of `count` blocks with a scale that is NaN or infinite; not for plain.
std::optional<std::int64_t> find_non_finite_scale(Encoding encoding, const std::byte* blocks, std::int64_t count);

}  // namespace pliant
