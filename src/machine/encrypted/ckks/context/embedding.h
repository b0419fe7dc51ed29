// The canonical embedding: slots of a ciphertext <-> real coefficients of a polynomial modulo X^N +
// 1.
#pragma once

#include <complex>
#include <span>
#include <vector>

namespace pliant::ckks {

// Slot j of a polynomial is its value at zeta^(5^j), zeta = exp(i pi / N). With 2^k slots the
// polynomial is one in X^(N / 2^(k+1)): its full vector of N/2 slots repeats them. Work is O(slots
// log slots) in double; the roots are rounded from long double. Immutable: threads may share one.
class Embedding {
 public:
  explicit Embedding(int log_n);

  // coefficients: 2 n reals for n slots (n a power of two up to N/2), those of X^(i N / 2n). In
  // place on `work`.
  void to_coefficients(std::span<std::complex<double>> work, std::span<double> coefficients) const;
  void to_slots(std::span<const double> coefficients, std::span<std::complex<double>> slots) const;

  // Bound of the relative error of either transform, against the largest slot (see
  // docs/encrypted.md).
  double error(std::size_t slots) const;

 private:
  std::size_t root_index(std::size_t power, std::size_t length) const;
  std::vector<std::complex<double>> roots_;  // exp(2 pi i k / 2N)
  std::vector<std::size_t> fives_;           // 5^j mod 2N
};

}  // namespace pliant::ckks
