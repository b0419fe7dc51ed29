// Vectors whose encodings round badly: their polynomials are smooth or sparse, so that the
// roundings of the coefficients are alike. Beside them a dense one.
#pragma once

#include <cmath>
#include <complex>
#include <vector>

#include "core/rng.h"

namespace pliant::ckks {

constexpr int kShapes = 7;

// `shape` in [0, kShapes), of absolute value up to `most`.
inline std::vector<std::complex<double>> shaped(Rng& rng, int shape, std::size_t count,
                                                double most = 1) {
  std::vector<std::complex<double>> values(count);
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(n)));
  };
  const std::size_t at = below(count), length = 1 + below(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(i) / static_cast<double>(count);
    switch (shape) {
      case 0:  // one-hot
        values[i] = i == at ? most : 0;
        break;
      case 1:  // a block
        values[i] = (i + count - at) % count < length ? most : 0;
        break;
      case 2:  // a periodic mask
        values[i] = i % (1 + at % 16) == 0 ? most : 0;
        break;
      case 3:  // a constant
        values[i] = std::polar(most, 1.0);
        break;
      case 4:  // a ramp
        values[i] = most * (2 * x - 1);
        break;
      case 5:  // a geometric series
        values[i] = most * std::pow(0.9, static_cast<double>(i));
        break;
      default: values[i] = std::polar(most * rng.uniform(), 6.283185307179586 * rng.uniform());
    }
  }
  return values;
}

}  // namespace pliant::ckks
