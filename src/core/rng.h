// Seeded, counter-based randomness: value i of a stream depends on (seed, stream, i) only, so any
// split over threads gives the same numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/tensor.h"

namespace pliant {

// stable across platforms; not cryptographic
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0);
  std::uint64_t bits();  // 64 uniform bits
  // uniform in [0, bound), without bias; bound > 0
  std::int64_t below(std::int64_t bound);
  std::int64_t between(std::int64_t low, std::int64_t high);  // inclusive
  double uniform();                                           // [0, 1)
  double normal();                                            // mean 0, variance 1
  // UniformRandomBitGenerator, for std::shuffle and friends
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() { return bits(); }

 private:
  std::uint64_t key_, counter_ = 0;
};

void fill_normal(const TensorView& view, Rng& rng, double scale);  // any float dtype
// integers: floor into [low, high)
void fill_uniform(const TensorView& view, Rng& rng, double low, double high);

}  // namespace pliant
