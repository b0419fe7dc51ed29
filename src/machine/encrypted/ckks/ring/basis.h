// Conversion between residue bases: from residues modulo some primes (product A) to residues modulo
// others.
#pragma once

#include <span>
#include <vector>

#include "machine/encrypted/ckks/kernels/kernels.h"

namespace pliant::ckks {

// Converts the centred representative, the x in [-A/2, A/2] with the given residues. Residues must
// come multiplied by `prepare`: y_i = x_i (A / a_i)^-1 mod a_i, so that x = sum y_i (A / a_i) - v A
// with v = round(sum y_i / a_i). The sum is taken in double: within 2^-45 of A/2 it may pick the
// representative on the other side, which is as good wherever the result is a rounding. Immutable:
// threads may share one.
class Conversion {
 public:
  Conversion() = default;
  Conversion(std::span<const Modulus> from, std::span<const Modulus> to);

  std::size_t from() const { return prepare_.size(); }
  std::size_t to() const { return targets_.size(); }
  u64 prepare(std::size_t i) const { return prepare_[i]; }

  // The multiples of A to take away; `v` holds n values.
  void count(const Kernels& kernels, const u64* const* y, u64* v, std::size_t n) const {
    kernels.round_sum(v, y, inverse_.data(), from(), n);
  }
  // Residues modulo all targets, out[j] those modulo target j. y has from() + 1 arrays, the last of
  // which is v.
  void convert(const Kernels& kernels, const u64* const* y, u64* const* out, std::size_t n) const {
    if (to() != 0) kernels.combine(out, y, targets_.data(), to(), n);
  }

 private:
  std::vector<u64> prepare_;
  std::vector<double> inverse_;   // 1 / a_i
  std::vector<Weights> targets_;  // A / a_i for each i, then -A
};

}  // namespace pliant::ckks
