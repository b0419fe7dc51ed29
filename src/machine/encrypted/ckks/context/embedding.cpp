#include "machine/encrypted/ckks/context/embedding.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace pliant::ckks {

Embedding::Embedding(int log_n, const Kernels& kernels)
    : stages_(*kernels.embedding), roots_(log_n) {
  for (int k = 1; k < log_n; ++k) {
    const std::size_t half = std::size_t{1} << (k - 1), order = 8 * half;
    roots_[k].resize(2 * half);
    std::size_t power = 1;
    for (std::size_t j = 0; j < half; ++j, power = power * 5 % order) {
      const long double angle = 2 * std::numbers::pi_v<long double> * power / order;
      roots_[k][j] = static_cast<double>(std::cos(angle));
      roots_[k][half + j] = static_cast<double>(std::sin(angle));
    }
  }
}

std::size_t Embedding::log2(std::size_t length) { return std::countr_zero(length); }

const EmbeddingStages& Embedding::stages(std::size_t n) const {
  return n < 16 ? scalar_embedding() : stages_;
}

void Embedding::to_coefficients(std::vector<double>& x, std::vector<double>& work,
                                double factor) const {
  const std::size_t n = x.size() / 2;
  const EmbeddingStages& by = stages(n);
  work.resize(x.size());
  for (std::size_t length = n, s = 1; length > 1; x.swap(work)) {
    const bool two = length >= 8;
    if (two) by.fold4(x.data(), work.data(), roots(length), roots(length / 2), n, s);
    else by.fold2(x.data(), work.data(), roots(length), n, s);
    length /= two ? 4 : 2;
    s *= two ? 4 : 2;
  }
  const double scale = factor / n;
  for (double& value : x) value *= scale;
}

void Embedding::to_slots(std::vector<double>& x, std::vector<double>& work) const {
  const std::size_t n = x.size() / 2;
  const EmbeddingStages& by = stages(n);
  work.resize(x.size());
  // The same lengths the other way: single ones first, until fours make up the rest.
  for (std::size_t length = 1; length < n; x.swap(work)) {
    const bool two = length > 1 && log2(n / length) % 2 == 0;
    length *= two ? 4 : 2;
    if (two) by.unfold4(x.data(), work.data(), roots(length), roots(length / 2), n, n / length);
    else by.unfold2(x.data(), work.data(), roots(length), n, n / length);
  }
}

// Each of log2 n stages is unitary up to scaling and adds less than 4 units in the last place to
// the 2-norm; a slot is at most the 2-norm, which is at most sqrt(n) times the largest.
double Embedding::error(std::size_t slots) const {
  const double stages = std::log2(slots) + 1;
  return 4 * stages * std::sqrt(slots) * 0x1p-53;
}

}  // namespace pliant::ckks
