// Small parameter sets, and slots to fill them with.
#pragma once

#include <complex>
#include <vector>

#include "core/rng.h"
#include "machine/encrypted/ckks/context/params.h"

namespace pliant::ckks {

inline Params small(int log_n, int levels, int scale_bits = 40, int digits = 3) {
  Params params;
  params.log_n = log_n;
  params.levels = levels;
  params.scale_bits = scale_bits;
  params.digits = digits;
  params.insecure_for_tests = true;
  return params;
}

inline std::vector<std::complex<double>> random_slots(Rng& rng, std::size_t count,
                                                      double most = 1) {
  std::vector<std::complex<double>> values(count);
  for (auto& v : values) v = most * std::polar(rng.uniform(), 6.283185307179586 * rng.uniform());
  return values;
}

}  // namespace pliant::ckks
