// The canonical embedding: slots of a ciphertext <-> real coefficients of a polynomial modulo X^N +
// 1.
#pragma once

#include <cstddef>
#include <vector>

#include "machine/encrypted/ckks/kernels/kernels.h"

namespace pliant::ckks {

// Slot j of a polynomial is its value at zeta^(5^j), zeta = exp(i pi / N). With 2^k slots the
// polynomial is one in X^(N / 2^(k+1)): its full vector of N/2 slots repeats them. Work is O(slots
// log slots) in double; the roots are rounded from long double. Immutable: threads may share one.
class Embedding {
 public:
  explicit Embedding(int log_n, const Kernels& kernels = best_kernels());

  // In place, n slots (a power of two up to N/2) as n real and then n imaginary parts <-> the 2 n
  // coefficients, those of X^(i N / 2n), times `factor`. `work` is overwritten.
  void to_coefficients(std::vector<double>& x, std::vector<double>& work, double factor = 1) const;
  void to_slots(std::vector<double>& x, std::vector<double>& work) const;

  // Bound of the relative error of either transform, against the largest slot (see
  // docs/encrypted.md).
  double error(std::size_t slots) const;

 private:
  const EmbeddingStages& stages(std::size_t n) const;
  const double* roots(std::size_t length) const { return roots_[log2(length)].data(); }
  static std::size_t log2(std::size_t length);
  const EmbeddingStages& stages_;
  // The twiddles of butterflies j in blocks of 2^k: exp(2 pi i 5^j / 2^(k+2)), all real parts
  // first.
  std::vector<std::vector<double>> roots_;
};

}  // namespace pliant::ckks
