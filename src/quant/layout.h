// Bytes of the blocks, shared by decoders, encoders and kernels. Functions are static, because some
// of these are compiled for other instruction sets: a linker must not take one for all.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/tensor.h"

namespace pliant::layout {

using Byte = std::uint8_t;

static inline std::uint16_t load_16(const Byte* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

// The same as f16_to_f32, without branches: loops over it become vector code.
static inline float half_value(std::uint16_t bits) {
  constexpr std::uint32_t exponent = 31U << 23, rebias = 112U << 23, one = 1U << 23;
  const std::uint32_t magnitude = (bits & 0x7fffU) << 13, sign = (bits & 0x8000U) << 16;
  const std::uint32_t normal =
      magnitude + rebias + ((magnitude & exponent) == exponent ? rebias : 0U);
  const float subnormal = std::bit_cast<float>(magnitude + rebias + one) - 0x1p-14F;
  return std::bit_cast<float>(
      sign | ((magnitude & exponent) == 0 ? std::bit_cast<std::uint32_t>(subnormal) : normal));
}

static inline float load_half(const Byte* at) { return half_value(load_16(at)); }

static inline void store_half(Byte* at, float value) {
  const std::uint16_t bits = f32_to_f16(value);
  std::memcpy(at, &bits, sizeof bits);
}

static inline bool holds_half(float value) { return std::isfinite(f16_to_f32(f32_to_f16(value))); }

// The sixteen values of IQ4_NL and IQ4_XS, and those of MXFP4 (e2m1, doubled).
inline constexpr std::array<std::int8_t, 16> iq4_values{-127, -104, -83, -65, -49, -35, -22, -10,
                                                        1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr std::array<std::int8_t, 16> mxfp4_values{0, 1,  2,  3,  4,  6,  8,  12,
                                                          0, -1, -2, -3, -4, -6, -8, -12};

// Half of the power of two that an e8m0 exponent means: 2^(e - 128), exact down to the subnormals
// at e < 2.
static inline float half_e8m0(Byte exponent) {
  const std::uint32_t bits = exponent < 2 ? 0x00200000U << exponent : (exponent - 1U) << 23;
  return std::bit_cast<float>(bits);
}

// Q4_K and Q5_K: eight pairs of 6-bit scale and minimum in twelve bytes.
struct ScaleMin {
  Byte scale, minimum;
};

static inline ScaleMin scale_min(const Byte* packed, int index) {
  if (index < 4)
    return {static_cast<Byte>(packed[index] & 63U), static_cast<Byte>(packed[index + 4] & 63U)};
  return {static_cast<Byte>((packed[index + 4] & 15U) | ((packed[index - 4] >> 6U) << 4U)),
          static_cast<Byte>((packed[index + 4] >> 4U) | ((packed[index] >> 6U) << 4U))};
}

// Q3_K: sixteen 6-bit scales in twelve bytes, 32 stands for 0.
static inline int q3_scale(const Byte* packed, int index) {
  const int low = index < 8 ? packed[index] & 15 : packed[index - 8] >> 4;
  return (low | (((packed[8 + index % 4] >> (2 * (index / 4))) & 3) << 4)) - 32;
}

// IQ4_XS: eight 6-bit scales, low bits in four bytes, high bits in one 16-bit word; 32 stands for
// 0.
static inline int iq4_scale(std::uint16_t high, const Byte* low, int index) {
  return (((low[index / 2] >> (4 * (index % 2))) & 15) | (((high >> (2 * index)) & 3) << 4)) - 32;
}

}  // namespace pliant::layout
