// The encodings with blocks of 256 and a scale for each sub-block, themselves multiples of one
// 16-bit float per block.
#include <algorithm>

#include "quant/encoders.h"
#include "quant/fit.h"

namespace pliant {
namespace {

using namespace layout;

constexpr int block_size = 256;
constexpr float least_half = 0x1p-24F;  // the smallest 16-bit float above 0
constexpr float beyond_half = 1e9F;     // no product of a 16-bit float and two codes reaches it
constexpr float lost_in_half = 1e-12F;  // and such values are all 0

// The 16-bit float nearest to the wanted scale that is not 0, so that small blocks keep what they
// can.
float half_scale(float wanted) {
  if (wanted == 0.0F) return 0;
  const float rounded = f16_to_f32(f32_to_f16(wanted));
  return rounded == 0.0F ? std::copysign(least_half, wanted) : rounded;
}

int near_code(float ratio, int low, int high) {
  return static_cast<int>(
      std::nearbyint(std::clamp(ratio, static_cast<float>(low), static_cast<float>(high))));
}

// value = scale * scales[sub] * level. First each sub-block for itself, then in turns the integer
// scales for the common factor and the common factor for the levels.
template <typename Levels, int subs, int scale_low, int scale_high>
class SymmetricSearch {
 public:
  static constexpr int size = block_size / subs;

  explicit SymmetricSearch(const float* values) : values_(values) {
    float wanted[subs], largest = 0;
    for (int sub = 0; sub < subs; ++sub) {
      wanted[sub] = fit::fit_scale<Levels, size>(values + sub * size);
      if (std::fabs(wanted[sub]) > std::fabs(largest)) largest = wanted[sub];
    }
    if (largest == 0.0F) return;
    float factor = half_scale(largest / scale_low), best = HUGE_VALF;
    for (int turn = 0; turn < 2; ++turn) {
      std::array<int, subs> codes{};
      const Total total = choose(factor, wanted, codes);
      if (total.error < best) {
        best = total.error;
        scale = factor;
        scales = codes;
      }
      if (total.norm <= 0) break;
      factor = half_scale(static_cast<float>(total.dot / total.norm));
    }
  }

  float level(int i) const {
    const float by = scale * scales[i / size];
    return Levels::nearest(fit::all(values_[i] * fit::inverse(by)))[0];
  }

  float scale = 0;
  std::array<int, subs> scales{};

 private:
  struct Total {
    float error = 0;
    double dot = 0, norm = 0;
  };

  // The best of the integers next to each wanted scale.
  Total choose(float factor, const float* wanted, std::array<int, subs>& codes) const {
    Total total;
    for (int sub = 0; sub < subs; ++sub) {
      const int middle = near_code(wanted[sub] * fit::inverse(factor), scale_low, scale_high);
      fit::Fit best;
      best.error = HUGE_VALF;
      int code = 0;
      for (int each = std::max(middle - 1, scale_low); each <= std::min(middle + 1, scale_high);
           ++each) {
        const fit::Fit found = fit::assess<Levels, size>(values_ + sub * size, factor * each);
        if (found.error >= best.error) continue;
        best = found;
        code = each;
      }
      codes[sub] = code;
      total.error += best.error;
      total.dot += static_cast<double>(code) * best.dot;
      total.norm += static_cast<double>(code) * code * best.norm;
    }
    return total;
  }

  const float* values_;
};

// value = scale * scales[sub] * code - minimum * minima[sub], in the same turns.
template <int subs, int largest_code, int largest_scale>
class AffineSearch {
 public:
  static constexpr int size = block_size / subs;

  explicit AffineSearch(const float* values) : values_(values) {
    std::array<fit::Affine, subs> wanted;
    fit::Affine largest;
    for (int sub = 0; sub < subs; ++sub) {
      const fit::Affine each = fit::fit_affine<largest_code, size>(values + sub * size);
      wanted[sub] = each;
      largest = {std::max(largest.scale, each.scale), std::max(largest.minimum, each.minimum)};
    }
    constexpr auto steps = static_cast<float>(largest_scale);
    float factor = half_scale(largest.scale / steps), shift = half_scale(largest.minimum / steps),
          best = HUGE_VALF;
    for (int turn = 0; turn < 3; ++turn) {
      Codes codes;
      const Total total = choose(factor, shift, wanted, codes);
      if (total.error < best) {
        best = total.error;
        scale = factor;
        minimum = shift;
        scales = codes.scales;
        minima = codes.minima;
      }
      total.solve(factor, shift);
    }
  }

  int code(int i) const {
    const std::size_t sub = i / size;
    const float by = scale * scales[sub], from = minimum * minima[sub];
    return near_code((values_[i] + from) * fit::inverse(by), 0, largest_code);
  }

  float scale = 0, minimum = 0;
  std::array<int, subs> scales{}, minima{};

 private:
  struct Codes {
    std::array<int, subs> scales{}, minima{};
  };

  // Sums for the two common factors: a = scale code * code, b = minimum code.
  struct Total {
    float error = 0;
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;

    void solve(float& factor, float& shift) const {
      const double determinant = aa * bb - ab * ab;
      if (determinant <= 0) return;
      const double a = (ax * bb - bx * ab) / determinant, b = (ax * ab - bx * aa) / determinant;
      if (a > 0 && b >= 0) {
        factor = half_scale(static_cast<float>(a));
        shift = half_scale(static_cast<float>(b));
      }
    }

    void add(int scale_code, int minimum_code, const fit::AffineFit& sums) {
      const double s = scale_code, m = minimum_code;
      error += sums.error;
      aa += s * s * sums.code_code;
      ab += s * m * sums.code;
      bb += m * m * size;
      ax += s * sums.value_code;
      bx += m * sums.value;
    }
  };

  Total choose(float factor, float shift, const std::array<fit::Affine, subs>& wanted,
               Codes& codes) const {
    Total total;
    for (std::size_t sub = 0; sub < subs; ++sub) {
      const int scale_code = near_code(wanted[sub].scale * fit::inverse(factor), 0, largest_scale);
      const int minimum_code =
          near_code(wanted[sub].minimum * fit::inverse(shift), 0, largest_scale);
      fit::AffineFit best;
      best.error = HUGE_VALF;
      for (int s = std::max(scale_code - 1, 0); s <= std::min(scale_code + 1, largest_scale); ++s)
        for (int m = std::max(minimum_code - 1, 0); m <= std::min(minimum_code + 1, largest_scale);
             ++m) {
          const fit::AffineFit found =
              fit::assess<largest_code, size>(values_ + sub * size, {factor * s, shift * m});
          if (found.error >= best.error) continue;
          best = found;
          codes.scales[sub] = s;
          codes.minima[sub] = m;
        }
      total.add(codes.scales[sub], codes.minima[sub], best);
    }
    return total;
  }

  const float* values_;
};

enum class Reach { zero, searched, beyond };

Reach reach(const float* values) {
  const float largest = fit::largest_magnitude<block_size>(values);
  return largest < lost_in_half  ? Reach::zero
         : largest > beyond_half ? Reach::beyond
                                 : Reach::searched;
}

void put_scale_min(Byte* packed, int index, int scale, int minimum) {
  const auto s = static_cast<unsigned>(scale), m = static_cast<unsigned>(minimum);
  if (index < 4) {
    packed[index] = static_cast<Byte>(packed[index] | s);
    packed[index + 4] = static_cast<Byte>(packed[index + 4] | m);
  } else {
    packed[index + 4] = static_cast<Byte>((s & 15U) | (m & 15U) << 4U);
    packed[index - 4] = static_cast<Byte>(packed[index - 4] | (s >> 4U) << 6U);
    packed[index] = static_cast<Byte>(packed[index] | (m >> 4U) << 6U);
  }
}

void put_bits(Byte& at, int bits, int shift) {
  at = static_cast<Byte>(at | static_cast<unsigned>(bits) << shift);
}

}  // namespace

bool encode_q2_k(const float* values, Byte* block) {
  std::fill_n(block, 84, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const AffineSearch<16, 3, 15> found(values);
  for (int sub = 0; sub < 16; ++sub) {
    const std::size_t at = sub;
    block[sub] = static_cast<Byte>(found.scales[at] | found.minima[at] << 4);
    for (int i = 0; i < 16; ++i)
      put_bits(block[16 + sub / 8 * 32 + sub % 2 * 16 + i], found.code(sub * 16 + i),
               sub % 8 / 2 * 2);
  }
  store_half(block + 80, found.scale);
  store_half(block + 82, found.minimum);
  return holds_half(found.scale) && holds_half(found.minimum);
}

bool encode_q3_k(const float* values, Byte* block) {
  std::fill_n(block, 110, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const SymmetricSearch<fit::Steps<-4, 3>, 16, -32, 31> found(values);
  for (int sub = 0; sub < 16; ++sub) {
    const int code = found.scales[sub] + 32;
    put_bits(block[96 + sub % 8], code & 15, sub / 8 * 4);
    put_bits(block[104 + sub % 4], code >> 4, sub / 4 * 2);
    for (int i = 0; i < 16; ++i) {
      const int level = static_cast<int>(found.level(sub * 16 + i)) + 4;
      put_bits(block[32 + sub / 8 * 32 + sub % 2 * 16 + i], level & 3, sub % 8 / 2 * 2);
      put_bits(block[sub % 2 * 16 + i], level >> 2, sub / 2);
    }
  }
  store_half(block + 108, found.scale);
  return holds_half(found.scale);
}

bool encode_q4_k(const float* values, Byte* block) {
  std::fill_n(block, 144, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const AffineSearch<8, 15, 63> found(values);
  for (int sub = 0; sub < 8; ++sub) {
    const std::size_t at = sub;
    put_scale_min(block + 4, sub, found.scales[at], found.minima[at]);
    for (int i = 0; i < 32; ++i)
      put_bits(block[16 + sub / 2 * 32 + i], found.code(sub * 32 + i), sub % 2 * 4);
  }
  store_half(block, found.scale);
  store_half(block + 2, found.minimum);
  return holds_half(found.scale) && holds_half(found.minimum);
}

bool encode_q5_k(const float* values, Byte* block) {
  std::fill_n(block, 176, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const AffineSearch<8, 31, 63> found(values);
  for (int sub = 0; sub < 8; ++sub) {
    const std::size_t at = sub;
    put_scale_min(block + 4, sub, found.scales[at], found.minima[at]);
    for (int i = 0; i < 32; ++i) {
      const int code = found.code(sub * 32 + i);
      put_bits(block[48 + sub / 2 * 32 + i], code & 15, sub % 2 * 4);
      put_bits(block[16 + i], code >> 4, sub);
    }
  }
  store_half(block, found.scale);
  store_half(block + 2, found.minimum);
  return holds_half(found.scale) && holds_half(found.minimum);
}

bool encode_q6_k(const float* values, Byte* block) {
  std::fill_n(block, 210, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const SymmetricSearch<fit::Steps<-32, 31>, 16, -128, 127> found(values);
  for (int sub = 0; sub < 16; ++sub) {
    block[192 + sub] = static_cast<Byte>(found.scales[sub]);
    const int half = sub / 8, group = sub % 8 / 2;
    for (int i = 0; i < 16; ++i) {
      const int level = static_cast<int>(found.level(sub * 16 + i)) + 32, at = sub % 2 * 16 + i;
      put_bits(block[half * 64 + group % 2 * 32 + at], level & 15, group / 2 * 4);
      put_bits(block[128 + half * 32 + at], level >> 4, group * 2);
    }
  }
  store_half(block + 208, found.scale);
  return holds_half(found.scale);
}

namespace {

// The code of a level that stands in the table.
int iq4_code(float level) {
  const auto at = std::ranges::find(iq4_values, static_cast<std::int8_t>(level));
  return static_cast<int>(at - iq4_values.begin());
}

}  // namespace

bool encode_iq4_xs(const float* values, Byte* block) {
  std::fill_n(block, 136, Byte{0});
  if (const Reach known = reach(values); known != Reach::searched) return known == Reach::zero;
  const SymmetricSearch<fit::Iq4Levels, 8, -32, 31> found(values);
  std::uint16_t high = 0;
  for (int sub = 0; sub < 8; ++sub) {
    const int code = found.scales[sub] + 32;
    put_bits(block[4 + sub / 2], code & 15, sub % 2 * 4);
    high = static_cast<std::uint16_t>(high | static_cast<unsigned>(code >> 4) << (2 * sub));
    for (int i = 0; i < 32; ++i)
      put_bits(block[8 + sub * 16 + i % 16], iq4_code(found.level(sub * 32 + i)), i / 16 * 4);
  }
  store_half(block, found.scale);
  std::memcpy(block + 2, &high, sizeof high);
  return holds_half(found.scale);
}

}  // namespace pliant
