// Least-squares fits of quantised values: the search behind the encoders that have a choice of
// scales.
#pragma once

#include <cmath>
#include <cstring>

#include "quant/layout.h"

namespace pliant::fit {

// Four floats; an extension of both compilers with the same arithmetic on every machine.
using Lanes = float __attribute__((vector_size(16)));

inline Lanes all(float value) { return Lanes{value, value, value, value}; }

inline Lanes load(const float* values) {
  Lanes result;
  std::memcpy(&result, values, sizeof result);
  return result;
}

inline float total(Lanes sums) { return (sums[0] + sums[2]) + (sums[1] + sums[3]); }

inline Lanes clamp(Lanes values, float low, float high) {
  const Lanes above = values < all(low) ? all(low) : values;
  return above > all(high) ? all(high) : above;
}

// To the nearest integers; magnitudes below 2^22.
inline Lanes round_near(Lanes values) {
  const Lanes shift = all(12582912.0F);  // 1.5 * 2^23: no bits are left for a fraction
  return (values + shift) - shift;
}

template <int count>
float largest_magnitude(const float* values) {
  float largest = 0;
  for (int i = 0; i < count; ++i) largest = std::fmax(largest, std::fabs(values[i]));
  return largest;
}

inline float inverse(float scale) { return scale != 0.0F ? 1.0F / scale : 0.0F; }

// The integers [low, high] as levels of a scale.
template <int low_, int high_>
struct Steps {
  static constexpr float low = low_, high = high_, trial_step = 0.2F;
  static Lanes nearest(Lanes values) { return round_near(clamp(values, low, high)); }
};

// Uneven levels in a table from low to high; of two equally near ones the lower.
template <const auto& table>
struct LevelTable {
  static constexpr float low = table.front(), high = table.back(), trial_step = 2.5F;
  static Lanes nearest(Lanes values) {
    Lanes level = all(low);
    for (std::size_t k = 1; k < table.size(); ++k) {
      const float below = table[k - 1], here = table[k];
      level += values > all((below + here) / 2) ? all(here - below) : all(0);
    }
    return level;
  }
};

using Iq4Levels = LevelTable<layout::iq4_values>;

// What values as scale * level give up and what a better scale would take: error, and the sums of a
// least-squares fit.
struct Fit {
  // sum of squares left over; of value * level; of level * level
  float error = 0, dot = 0, norm = 0;
};

template <typename Levels, int count>
Fit assess(const float* values, float scale) {
  const Lanes factor = all(inverse(scale)), by = all(scale);
  Lanes error{}, dot{}, norm{};
  for (int i = 0; i < count; i += 4) {
    const Lanes x = load(values + i), level = Levels::nearest(x * factor), rest = x - by * level;
    error += rest * rest;
    dot += x * level;
    norm += level * level;
  }
  return {total(error), total(dot), total(norm)};
}

// The scale with the least squared error among least-squares fits to trial codings, in each of
// which the value of largest magnitude comes near an end level. 0 for values that are all 0.
template <typename Levels, int count>
float fit_scale(const float* values) {
  float extreme = 0, best_scale = 0, best_gain = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  if (extreme == 0.0F) return 0;
  constexpr int trials = 4;
  for (const float end : {Levels::low, Levels::high})
    for (int trial = -trials; trial <= trials; ++trial) {
      const float scale = extreme / (end + Levels::trial_step * trial);
      const Fit fit = assess<Levels, count>(values, scale);
      if (fit.norm > 0 && fit.dot * fit.dot > best_gain * fit.norm) {
        best_gain = fit.dot * fit.dot / fit.norm;
        best_scale = fit.dot / fit.norm;
      }
    }
  return best_scale;
}

// Values as scale * code - minimum, codes in [0, largest].
struct Affine {
  float scale = 0, minimum = 0;  // neither is negative
};

// Sums over codes c and values x for a two-parameter fit.
struct AffineFit {
  float error = 0, code = 0, code_code = 0, value = 0, value_code = 0;
};

template <int largest, int count>
AffineFit assess(const float* values, Affine by) {
  const Lanes factor = all(inverse(by.scale)), scale = all(by.scale), minimum = all(by.minimum);
  Lanes error{}, code{}, code_code{}, value{}, value_code{};
  for (int i = 0; i < count; i += 4) {
    const Lanes x = load(values + i), c = round_near(clamp((x + minimum) * factor, 0, largest));
    const Lanes rest = x - (scale * c - minimum);
    error += rest * rest;
    code += c;
    code_code += c * c;
    value += x;
    value_code += x * c;
  }
  return {total(error), total(code), total(code_code), total(value), total(value_code)};
}

// The best scale and minimum for the codes that gave `sums`.
template <int count>
Affine solve(const AffineFit& sums, Affine otherwise) {
  const double n = count, c = sums.code, cc = sums.code_code, x = sums.value, xc = sums.value_code;
  const double determinant = n * cc - c * c;
  if (determinant <= 0) return otherwise;
  const double scale = (n * xc - x * c) / determinant, minimum = (c * xc - x * cc) / determinant;
  if (minimum >= 0) return {static_cast<float>(scale), static_cast<float>(minimum)};
  return xc > 0 ? Affine{static_cast<float>(xc / cc), 0} : otherwise;
}

template <int largest, int count>
Affine fit_affine(const float* values) {
  float low = 0, high = values[0];
  for (int i = 0; i < count; ++i) {
    low = std::fmin(low, values[i]);
    high = std::fmax(high, values[i]);
  }
  if (high <= low) return {0, -low};
  Affine best;
  float least = HUGE_VALF;
  constexpr int trials = 5;
  for (int trial = -trials; trial <= trials; ++trial) {
    Affine by{(high - low) / (largest + 0.2F * trial), -low};
    AffineFit sums = assess<largest, count>(values, by);
    for (int round = 0; round < 2 && sums.error < 1.5F * least; ++round) {
      if (sums.error < least) {
        least = sums.error;
        best = by;
      }
      by = solve<count>(sums, by);
      sums = assess<largest, count>(values, by);
    }
    if (sums.error < least) {
      least = sums.error;
      best = by;
    }
  }
  return best;
}

}  // namespace pliant::fit
