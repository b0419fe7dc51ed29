// Blocks of 32 with one scale and uneven levels.
#include <algorithm>
#include <array>

#include "quant/encoders.h"
#include "quant/fit.h"

namespace pliant {
namespace {

using namespace layout;

constexpr std::array<std::int8_t, 15> mxfp4_sorted{-12, -8, -6, -4, -3, -2, -1, 0,
                                                   1,   2,  3,  4,  6,  8,  12};
using Mxfp4Levels = fit::LevelTable<mxfp4_sorted>;

// The code of a level in the order of a block's codes.
template <std::size_t size>
unsigned code_of(float level, const std::array<std::int8_t, size>& values) {
  return static_cast<unsigned>(std::ranges::find(values, static_cast<std::int8_t>(level)) -
                               values.begin());
}

void put_code(Byte* codes, int i, unsigned code) {
  codes[i % 16] = static_cast<Byte>(codes[i % 16] | code << (i / 16 * 4));
}

}  // namespace

bool encode_iq4_nl(const float* values, Byte* block) {
  std::fill_n(block, 18, Byte{0});
  const float largest = fit::largest_magnitude<32>(values);
  if (largest > 1e9F) return false;
  float scale = largest < 1e-12F ? 0.0F : fit::fit_scale<fit::Iq4Levels, 32>(values);
  store_half(block, scale);
  scale = load_half(block);
  const float factor = fit::inverse(scale);
  for (int i = 0; i < 32; ++i)
    put_code(block + 2, i,
             code_of(fit::Iq4Levels::nearest(fit::all(values[i] * factor))[0], iq4_values));
  return std::isfinite(scale);
}

bool encode_mxfp4(const float* values, Byte* block) {
  std::fill_n(block, 17, Byte{0});
  const float largest = fit::largest_magnitude<32>(values);
  if (largest == 0.0F) return true;
  // In units in which the largest value is 8 .. 16, exact for every exponent.
  const int top = std::clamp(std::ilogb(largest) - 3 + 128, 2, 251);
  float scaled[32];
  for (int i = 0; i < 32; ++i) scaled[i] = values[i] * std::ldexp(1.0F, 128 - top);
  float least = HUGE_VALF, unit = 1;
  for (const float each : {0.5F, 1.0F, 2.0F})
    if (const float error = fit::assess<Mxfp4Levels, 32>(scaled, each).error; error < least) {
      least = error;
      unit = each;
    }
  block[0] = static_cast<Byte>(top + std::ilogb(unit));
  for (int i = 0; i < 32; ++i)
    put_code(block + 1, i,
             code_of(Mxfp4Levels::nearest(fit::all(scaled[i] / unit))[0], mxfp4_values));
  return true;
}

}  // namespace pliant
