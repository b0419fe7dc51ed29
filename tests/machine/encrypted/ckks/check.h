// Shared by the CKKS tests: errors, small parameter sets, random slots.
#pragma once

#include <gtest/gtest.h>

#include <complex>
#include <string>
#include <vector>

#include "core/rng.h"
#include "errors.h"
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

inline void says(const std::string& error, const std::string& part) {
  EXPECT_NE(error.find(part), std::string::npos) << error;
}

}  // namespace pliant::ckks
