#include <algorithm>
#include <array>
#include <cmath>

#include "core/ids.h"
#include "quant/codec.h"
#include "quant/layout.h"

namespace pliant {
namespace {

using namespace layout;

// One block each. The order of the float operations is that of the format's reference, so results
// agree to the bit.
using DecodeBlock = void(const Byte* block, float* into);

void decode_q8_0(const Byte* block, float* into) {
  const float d = load_half(block);
  for (int i = 0; i < 32; ++i) into[i] = static_cast<std::int8_t>(block[2 + i]) * d;
}

void decode_q4_0(const Byte* block, float* into) {
  const float d = load_half(block);
  for (int i = 0; i < 16; ++i) {
    into[i] = ((block[2 + i] & 15) - 8) * d;
    into[i + 16] = ((block[2 + i] >> 4) - 8) * d;
  }
}

void decode_q4_1(const Byte* block, float* into) {
  const float d = load_half(block), m = load_half(block + 2);
  for (int i = 0; i < 16; ++i) {
    into[i] = (block[4 + i] & 15) * d + m;
    into[i + 16] = (block[4 + i] >> 4) * d + m;
  }
}

std::uint32_t load_bits(const Byte* at) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

void decode_q5_0(const Byte* block, float* into) {
  const float d = load_half(block);
  const std::uint32_t high = load_bits(block + 2);
  for (int i = 0; i < 16; ++i) {
    const int low = block[6 + i];
    into[i] = (((low & 15) | static_cast<int>((high >> i) & 1U) << 4) - 16) * d;
    into[i + 16] = (((low >> 4) | static_cast<int>((high >> (i + 16)) & 1U) << 4) - 16) * d;
  }
}

void decode_q5_1(const Byte* block, float* into) {
  const float d = load_half(block), m = load_half(block + 2);
  const std::uint32_t high = load_bits(block + 4);
  for (int i = 0; i < 16; ++i) {
    const int low = block[8 + i];
    into[i] = ((low & 15) | static_cast<int>((high >> i) & 1U) << 4) * d + m;
    into[i + 16] = ((low >> 4) | static_cast<int>((high >> (i + 16)) & 1U) << 4) * d + m;
  }
}

void decode_q2_k(const Byte* block, float* into) {
  const float d = load_half(block + 80), dmin = load_half(block + 82);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * (block[sub] & 15), minimum = dmin * (block[sub] >> 4);
    const Byte* quants = block + 16 + sub / 8 * 32 + sub % 2 * 16;
    const int shift = sub % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) into[sub * 16 + i] = scale * ((quants[i] >> shift) & 3) - minimum;
  }
}

void decode_q3_k(const Byte* block, float* into) {
  const float d = load_half(block + 108);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * q3_scale(block + 96, sub);
    const Byte* high = block + sub % 2 * 16;
    const Byte* quants = block + 32 + sub / 8 * 32 + sub % 2 * 16;
    const int shift = sub % 8 / 2 * 2, plane = sub / 2;
    for (int i = 0; i < 16; ++i)
      into[sub * 16 + i] =
          scale * ((((quants[i] >> shift) & 3) | ((high[i] >> plane) & 1) << 2) - 4);
  }
}

void decode_q4_k(const Byte* block, float* into) {
  const float d = load_half(block), dmin = load_half(block + 2);
  for (int sub = 0; sub < 8; ++sub) {
    const ScaleMin packed = scale_min(block + 4, sub);
    const float scale = d * packed.scale, minimum = dmin * packed.minimum;
    const Byte* quants = block + 16 + sub / 2 * 32;
    const int shift = sub % 2 * 4;
    for (int i = 0; i < 32; ++i) into[sub * 32 + i] = scale * ((quants[i] >> shift) & 15) - minimum;
  }
}

void decode_q5_k(const Byte* block, float* into) {
  const float d = load_half(block), dmin = load_half(block + 2);
  for (int sub = 0; sub < 8; ++sub) {
    const ScaleMin packed = scale_min(block + 4, sub);
    const float scale = d * packed.scale, minimum = dmin * packed.minimum;
    const Byte* high = block + 16;
    const Byte* quants = block + 48 + sub / 2 * 32;
    const int shift = sub % 2 * 4;
    for (int i = 0; i < 32; ++i)
      into[sub * 32 + i] =
          scale * (((quants[i] >> shift) & 15) | ((high[i] >> sub) & 1) << 4) - minimum;
  }
}

void decode_q6_k(const Byte* block, float* into) {
  const float d = load_half(block + 208);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<std::int8_t>(block[192 + sub]);
    // groups of 32: low nibbles twice, then high
    const int half = sub / 8, group = sub % 8 / 2, at = sub % 2 * 16;
    const Byte* low = block + half * 64 + group % 2 * 32 + at;
    const Byte* high = block + 128 + half * 32 + at;
    const int low_shift = group / 2 * 4, high_shift = group * 2;
    for (int i = 0; i < 16; ++i)
      into[sub * 16 + i] =
          scale * ((((low[i] >> low_shift) & 15) | ((high[i] >> high_shift) & 3) << 4) - 32);
  }
}

void decode_iq4_nl(const Byte* block, float* into) {
  const float d = load_half(block);
  for (int i = 0; i < 16; ++i) {
    into[i] = d * iq4_values[block[2 + i] & 15U];
    into[i + 16] = d * iq4_values[block[2 + i] >> 4U];
  }
}

void decode_iq4_xs(const Byte* block, float* into) {
  const float d = load_half(block);
  std::uint16_t high = 0;
  std::memcpy(&high, block + 2, sizeof high);
  for (int sub = 0; sub < 8; ++sub) {
    const float scale = d * iq4_scale(high, block + 4, sub);
    const Byte* quants = block + 8 + sub * 16;
    for (int i = 0; i < 16; ++i) {
      into[sub * 32 + i] = scale * iq4_values[quants[i] & 15U];
      into[sub * 32 + i + 16] = scale * iq4_values[quants[i] >> 4U];
    }
  }
}

void decode_mxfp4(const Byte* block, float* into) {
  const float d = half_e8m0(block[0]);
  for (int i = 0; i < 16; ++i) {
    into[i] = d * mxfp4_values[block[1 + i] & 15U];
    into[i + 16] = d * mxfp4_values[block[1 + i] >> 4U];
  }
}

struct Decoder {
  DecodeBlock* decode;
  std::array<int, 2> scales;  // where the 16-bit float scales stand in a block; -1: none
};

constexpr ByEnum<Encoding, Decoder, encoding_count> decoders{{{{nullptr, {-1, -1}},
                                                               {decode_q8_0, {0, -1}},
                                                               {decode_q4_0, {0, -1}},
                                                               {decode_q4_1, {0, 2}},
                                                               {decode_q5_0, {0, -1}},
                                                               {decode_q5_1, {0, 2}},
                                                               {decode_q2_k, {80, 82}},
                                                               {decode_q3_k, {108, -1}},
                                                               {decode_q4_k, {0, 2}},
                                                               {decode_q5_k, {0, 2}},
                                                               {decode_q6_k, {208, -1}},
                                                               {decode_iq4_nl, {0, -1}},
                                                               {decode_iq4_xs, {0, -1}},
                                                               {decode_mxfp4, {-1, -1}},
                                                               {nullptr, {0, -1}},
                                                               {nullptr, {0, -1}}}}};

void decode_f16(const Byte* at, std::int64_t elements, float* into) {
  for (std::int64_t i = 0; i < elements; ++i) into[i] = load_half(at + 2 * i);
}

void decode_bf16(const Byte* at, std::int64_t elements, float* into) {
  for (std::int64_t i = 0; i < elements; ++i)
    into[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load_16(at + 2 * i)) << 16);
}

// A 16-bit float is not finite when its exponent bits are all ones.
bool all_ones(const Byte* at, std::uint16_t exponent) {
  return (load_16(at) & exponent) == exponent;
}

}  // namespace

void decode_blocks(Encoding encoding, const std::byte* blocks, std::int64_t elements, float* into) {
  const auto* at = reinterpret_cast<const Byte*>(blocks);
  if (encoding == Encoding::f16) return decode_f16(at, elements, into);
  if (encoding == Encoding::bf16) return decode_bf16(at, elements, into);
  DecodeBlock* const decode = decoders[encoding].decode;
  const EncodingTraits& block = traits(encoding);
  for (std::int64_t i = 0; i < elements; i += block.block_elements, at += block.block_bytes)
    decode(at, into + i);
}

std::optional<std::int64_t> find_non_finite_scale(Encoding encoding, const std::byte* blocks,
                                                  std::int64_t count) {
  const auto* at = reinterpret_cast<const Byte*>(blocks);
  const std::int64_t stride = traits(encoding).block_bytes;
  const auto [first, second] = decoders[encoding].scales;
  // MXFP4's exponent byte: 255 means NaN in its standard, and from 253 on the largest value
  // overflows.
  if (encoding == Encoding::mxfp4) {
    for (std::int64_t i = 0; i < count; ++i)
      if (at[i * stride] >= 253) return i;
    return std::nullopt;
  }
  const std::uint16_t exponent = encoding == Encoding::bf16 ? 0x7f80 : 0x7c00;
  for (std::int64_t i = 0; i < count; ++i, at += stride)
    if (all_ones(at + first, exponent) || (second >= 0 && all_ones(at + second, exponent)))
      return i;
  return std::nullopt;
}

}  // namespace pliant
