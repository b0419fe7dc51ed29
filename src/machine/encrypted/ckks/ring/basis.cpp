#include "machine/encrypted/ckks/ring/basis.h"

#include <utility>

namespace pliant::ckks {

namespace {

// The product of all `from` but number `without`, modulo m.
u64 product(std::span<const Modulus> from, std::size_t without, const Modulus& m) {
  u64 result = 1;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (i != without) result = multiply(result, reduce(from[i].q, m), m);
  return result;
}

}  // namespace

Conversion::Conversion(std::span<const Modulus> from, std::span<const Modulus> to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    prepare_.push_back(ckks::inverse(product(from, i, from[i]), from[i]));
    inverse_.push_back(1.0 / from[i].q);
  }
  for (const Modulus& m : to) {
    std::vector<u64> w;
    for (std::size_t i = 0; i < from.size(); ++i) w.push_back(product(from, i, m));
    w.push_back(negate(product(from, from.size(), m), m.q));
    targets_.push_back(weights(std::move(w), m));
  }
}

}  // namespace pliant::ckks
