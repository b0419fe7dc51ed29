// The canonical embedding against ball arithmetic (Arb) at 128 bits.
#include <acb.h>
#include <gtest/gtest.h>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/context/embedding.h"

namespace pliant::ckks {
namespace {

constexpr slong kPrecision = 128;

// Slot j of the polynomial with real coefficients c: its value at exp(i pi 5^j / c.size()), in
// balls.
class Balls {
 public:
  explicit Balls(std::size_t size)
      : size_(size), roots_(_acb_vec_init(static_cast<slong>(2 * size))) {
    _acb_vec_unit_roots(roots_, static_cast<slong>(2 * size), static_cast<slong>(2 * size),
                        kPrecision);
  }
  ~Balls() { _acb_vec_clear(roots_, static_cast<slong>(2 * size_)); }
  Balls(const Balls&) = delete;

  std::complex<double> slot(const std::vector<double>& coefficients, std::size_t j) {
    acb_t sum, term;
    acb_init(sum);
    acb_init(term);
    const std::size_t five = fifth(j);
    for (std::size_t k = 0; k < size_; ++k) {
      acb_set_d(term, coefficients[k]);
      acb_addmul(sum, term, roots_ + five * k % (2 * size_), kPrecision);
    }
    const std::complex<double> result = middle(sum);
    acb_clear(term);
    acb_clear(sum);
    return result;
  }

  // (2 / size) sum over j of Re(z_j conj(root^(5^j k))).
  double coefficient(const std::vector<std::complex<double>>& slots, std::size_t k) {
    acb_t sum, term;
    acb_init(sum);
    acb_init(term);
    for (std::size_t j = 0; j < slots.size(); ++j) {
      acb_set_d_d(term, slots[j].real(), slots[j].imag());
      acb_addmul(sum, term, roots_ + (2 * size_ - fifth(j) * k % (2 * size_)) % (2 * size_),
                 kPrecision);
    }
    const double result = 2 * middle(sum).real() / static_cast<double>(size_);
    acb_clear(term);
    acb_clear(sum);
    return result;
  }

 private:
  std::size_t fifth(std::size_t j) const {
    std::size_t power = 1;
    for (; j > 0; --j) power = power * 5 % (2 * size_);
    return power;
  }
  static std::complex<double> middle(const acb_t ball) {
    return {arf_get_d(arb_midref(acb_realref(ball)), ARF_RND_NEAR),
            arf_get_d(arb_midref(acb_imagref(ball)), ARF_RND_NEAR)};
  }
  std::size_t size_;
  acb_ptr roots_;
};

TEST(Embedding, AgreesWithBallArithmetic) {
  for (const std::size_t count : {1u, 2u, 4u, 8u, 32u, 256u}) {
    const Embedding embedding(10);
    Balls balls(2 * count);
    Rng rng(count);
    const std::vector<std::complex<double>> slots = random_slots(rng, count);
    std::vector<double> coefficients(2 * count), work;
    for (std::size_t j = 0; j < count; ++j) {
      coefficients[j] = slots[j].real();
      coefficients[count + j] = slots[j].imag();
    }
    embedding.to_coefficients(coefficients, work);
    const double bound = embedding.error(count);
    EXPECT_LT(bound, 0x1p-40);
    for (std::size_t k = 0; k < 2 * count; ++k)
      EXPECT_NEAR(coefficients[k], balls.coefficient(slots, k), bound)
          << count << " slots, coefficient " << k;
    std::vector<double> back = coefficients;
    embedding.to_slots(back, work);
    for (std::size_t j = 0; j < count; ++j) {
      const std::complex<double> got{back[j], back[count + j]};
      EXPECT_LE(std::abs(got - balls.slot(coefficients, j)), bound)
          << count << " slots, slot " << j;
      EXPECT_LE(std::abs(got - slots[j]), 2 * bound);
    }
  }
}

}  // namespace
}  // namespace pliant::ckks
