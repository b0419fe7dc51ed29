#include "machine/encrypted/ckks/context/embedding.h"

#include <cmath>
#include <numbers>

#include "machine/encrypted/ckks/ring/ntt.h"

namespace pliant::ckks {

namespace {

using Complex = std::complex<double>;

Complex times(Complex a, Complex b) {  // without std::complex's handling of infinities
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

void reverse_bits(std::span<Complex> values) {
  int bits = 0;
  while ((std::size_t{1} << bits) < values.size()) ++bits;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t j = bit_reverse(static_cast<std::uint32_t>(i), bits);
    if (i < j) std::swap(values[i], values[j]);
  }
}

}  // namespace

Embedding::Embedding(int log_n) {
  const std::size_t order = std::size_t{2} << log_n;
  roots_.resize(order);
  for (std::size_t k = 0; k < order; ++k) {
    const long double angle = 2 * std::numbers::pi_v<long double> * k / order;
    roots_[k] = {static_cast<double>(std::cos(angle)), static_cast<double>(std::sin(angle))};
  }
  fives_.resize(order / 4);
  std::size_t power = 1;
  for (std::size_t& five : fives_) {
    five = power;
    power = power * 5 % order;
  }
}

// The twiddle of butterfly `j` in blocks of `length`: exp(2 pi i 5^j / 4 length).
std::size_t Embedding::root_index(std::size_t j, std::size_t length) const {
  return (fives_[j] & (4 * length - 1)) * (roots_.size() / (4 * length));
}

void Embedding::to_coefficients(std::span<Complex> work, std::span<double> coefficients) const {
  const std::size_t n = work.size();
  for (std::size_t length = n; length > 1; length /= 2)
    for (std::size_t i = 0; i < n; i += length)
      for (std::size_t j = 0; j < length / 2; ++j) {
        const Complex u = work[i + j], v = work[i + j + length / 2];
        work[i + j] = u + v;
        work[i + j + length / 2] = times(u - v, std::conj(roots_[root_index(j, length)]));
      }
  reverse_bits(work);
  const double scale = 1.0 / n;
  for (std::size_t i = 0; i < n; ++i) {
    coefficients[i] = work[i].real() * scale;
    coefficients[n + i] = work[i].imag() * scale;
  }
}

void Embedding::to_slots(std::span<const double> coefficients, std::span<Complex> slots) const {
  const std::size_t n = slots.size();
  for (std::size_t i = 0; i < n; ++i) slots[i] = {coefficients[i], coefficients[n + i]};
  reverse_bits(slots);
  for (std::size_t length = 2; length <= n; length *= 2)
    for (std::size_t i = 0; i < n; i += length)
      for (std::size_t j = 0; j < length / 2; ++j) {
        const Complex u = slots[i + j];
        const Complex v = times(slots[i + j + length / 2], roots_[root_index(j, length)]);
        slots[i + j] = u + v;
        slots[i + j + length / 2] = u - v;
      }
}

// Each of log2 n stages is unitary up to scaling and adds less than 4 units in the last place to
// the 2-norm; a slot is at most the 2-norm, which is at most sqrt(n) times the largest.
double Embedding::error(std::size_t slots) const {
  const double stages = std::log2(slots) + 1;
  return 4 * stages * std::sqrt(slots) * 0x1p-53;
}

}  // namespace pliant::ckks
