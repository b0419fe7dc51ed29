#include <algorithm>
#include <cmath>

#include "quant/encoders.h"

namespace pliant {
namespace {

using namespace layout;

// The factor from values to codes; a scale so small that its inverse overflows is 0 as a 16-bit
// float anyway.
float inverse(float scale) {
  const float result = scale != 0.0F ? 1.0F / scale : 0.0F;
  return std::isfinite(result) ? result : 0.0F;
}

// The value of largest magnitude with its sign; the first of equals.
float extreme(const float* values) {
  return *std::max_element(values, values + 32,
                           [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

void put_nibbles(Byte* at, const Byte* codes) {
  for (int i = 0; i < 16; ++i)
    at[i] = static_cast<Byte>((codes[i] & 15U) | (codes[i + 16] & 15U) << 4U);
}

void put_fifth_bits(Byte* at, const Byte* codes) {
  std::uint32_t bits = 0;
  for (int i = 0; i < 32; ++i) bits |= static_cast<std::uint32_t>(codes[i] >> 4U) << i;
  std::memcpy(at, &bits, sizeof bits);
}

// Codes around `half`, the zero; the extreme value gets code 0 whatever its sign.
float round_symmetric(const float* values, int half, Byte* codes) {
  const float scale = extreme(values) / -half, factor = inverse(scale);
  const float shift = half + 0.5F;
  for (int i = 0; i < 32; ++i)
    codes[i] =
        static_cast<Byte>(std::min(2 * half - 1, static_cast<int>(values[i] * factor + shift)));
  return scale;
}

struct Affine {
  float scale, minimum;
};

Affine round_affine(const float* values, int largest, Byte* codes) {
  const auto [low, high] = std::minmax_element(values, values + 32);
  const float scale = (*high - *low) / largest, factor = inverse(scale);
  for (int i = 0; i < 32; ++i)
    codes[i] =
        static_cast<Byte>(std::min(largest, static_cast<int>((values[i] - *low) * factor + 0.5F)));
  return {scale, *low};
}

}  // namespace

bool encode_f16(const float* values, Byte* block) {
  store_half(block, *values);
  return holds_half(*values);
}

bool encode_bf16(const float* values, Byte* block) {
  const std::uint16_t bits = f32_to_bf16(*values);
  std::memcpy(block, &bits, sizeof bits);
  return std::isfinite(bf16_to_f32(bits));
}

bool encode_q8_0(const float* values, Byte* block) {
  const float scale = std::fabs(extreme(values)) / 127.0F, factor = inverse(scale);
  store_half(block, scale);
  for (int i = 0; i < 32; ++i)
    block[2 + i] = static_cast<Byte>(static_cast<int>(std::round(values[i] * factor)));
  return holds_half(scale);
}

bool encode_q4_0(const float* values, Byte* block) {
  Byte codes[32];
  const float scale = round_symmetric(values, 8, codes);
  store_half(block, scale);
  put_nibbles(block + 2, codes);
  return holds_half(scale);
}

bool encode_q5_0(const float* values, Byte* block) {
  Byte codes[32];
  const float scale = round_symmetric(values, 16, codes);
  store_half(block, scale);
  put_fifth_bits(block + 2, codes);
  put_nibbles(block + 6, codes);
  return holds_half(scale);
}

bool encode_q4_1(const float* values, Byte* block) {
  Byte codes[32];
  const auto [scale, minimum] = round_affine(values, 15, codes);
  store_half(block, scale);
  store_half(block + 2, minimum);
  put_nibbles(block + 4, codes);
  return holds_half(scale) && holds_half(minimum);
}

bool encode_q5_1(const float* values, Byte* block) {
  Byte codes[32];
  const auto [scale, minimum] = round_affine(values, 31, codes);
  store_half(block, scale);
  store_half(block + 2, minimum);
  put_fifth_bits(block + 4, codes);
  put_nibbles(block + 8, codes);
  return holds_half(scale) && holds_half(minimum);
}

}  // namespace pliant
