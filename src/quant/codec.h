// Block codecs: encoded bytes to f32 and back. One scalar function per encoding and direction, the
// same bits on every machine; SIMD belongs to machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quant/encoding.h"

namespace pliant {

// `elements` is a multiple of the block; `into` holds as many floats. Not for plain.
void decode_blocks(Encoding encoding, const std::byte* blocks, std::int64_t elements, float* into);

// From finite values: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 round as the format's reference does, byte for
// byte; the others search the scales that leave the least squared error. Returns the first block
// whose values are too large for the encoding's 16-bit scales; what follows it is not written.
std::optional<std::int64_t> encode_blocks(Encoding encoding, const float* values,
                                          std::int64_t elements, std::byte* blocks);

// The first of `count` blocks with a scale that is NaN or infinite; not for plain.
std::optional<std::int64_t> find_non_finite_scale(Encoding encoding, const std::byte* blocks,
                                                  std::int64_t count);

}  // namespace pliant
