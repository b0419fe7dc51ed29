// How a weight's bytes are written. The layouts are those of GGUF files; docs/formats.md draws
// them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant {

// plain: dense row-major elements of the logical type, little endian. Then f32 in blocks along the
// last axis, each with a scale; then f32 rounded to 16 bits, element by element ("blocks" of one).
enum class Encoding : std::uint8_t {
  plain,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4,
  f16,
  bf16
};
inline constexpr int encoding_count = 16;

struct EncodingTraits {
  std::string_view name;
  std::int64_t block_elements = 1;
  std::int64_t block_bytes = 0;  // 0 for plain, where the logical type says it
};

const EncodingTraits& traits(Encoding encoding);
constexpr bool is_half(Encoding encoding) {
  return encoding == Encoding::f16 || encoding == Encoding::bf16;
}
std::string_view name(Encoding encoding);  // "plain", "Q8_0", "IQ4_XS", "MXFP4", "F16", ...
Encoding encoding_from_name(std::string_view name);  // throws Error{format}

// Throws Error{invalid} at `place`: a size that overflows; for blocks another logical type than
// f32, no last axis, or one that is no multiple of the block.
std::int64_t encoded_bytes(const TensorType& type, Encoding encoding,
                           std::string_view place = "tensor size");

}  // namespace pliant
