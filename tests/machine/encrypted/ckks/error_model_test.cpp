// The algebra of random errors, and the formulas of the worst case.
#include "machine/encrypted/ckks/context/error_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Term = ErrorModel::Term;

ErrorModel of(const std::vector<Term>& terms) {
  ErrorModel model;
  model.add_terms(terms);
  return model;
}

std::vector<Term> terms(const ErrorModel& model) {
  return {model.terms().begin(), model.terms().end()};
}

TEST(ErrorModel, AddsAmplitudesOfOneSlotAndSquaresOfOthers) {
  ErrorModel a = of({{1, 0, 3}, {2, 5, 1}});
  a.add(of({{1, 0, 1}, {1, 4, 2}, {3, 5, 7}}));
  EXPECT_EQ(terms(a), (std::vector<Term>{{1, 0, 4}, {1, 4, 2}, {2, 5, 1}, {3, 5, 7}}));
  EXPECT_DOUBLE_EQ(a.deviation(), std::sqrt(16 + 4 + 1 + 49));
  EXPECT_DOUBLE_EQ(a.peak(), std::sqrt(16 + 1 + 49));  // the largest of each source
  EXPECT_DOUBLE_EQ(a.coefficient_deviation(4), std::sqrt(36 + 1 + 49) / 2);
  a.add(a);
  EXPECT_DOUBLE_EQ(a.deviation(), 2 * std::sqrt(16 + 4 + 1 + 49));
  a.scale(0.5);
  EXPECT_EQ(terms(a), (std::vector<Term>{{1, 0, 4}, {1, 4, 2}, {2, 5, 1}, {3, 5, 7}}));
  a.add_source(2, 4);
  EXPECT_EQ(terms(a)[2], (Term{2, 0, 4}));
}

TEST(ErrorModel, RotatesAroundTheSlots) {
  for (const int steps : {-9, -8, -3, 0, 1, 3, 7, 8, 100}) {
    ErrorModel a = of({{1, 0, 3}, {1, 2, 4}, {1, 7, 5}, {2, 6, 1}});
    a.rotate(steps, 8);
    std::vector<Term> want;
    for (const Term& t : {Term{1, 0, 3}, {1, 2, 4}, {1, 7, 5}, {2, 6, 1}})
      want.push_back(
          {t.source, (t.offset + 96 + static_cast<std::uint32_t>(steps)) % 8, t.amplitude});
    EXPECT_EQ(terms(a), terms(of(want))) << steps;
  }
}

TEST(ErrorModel, WhatIsUnknownAddsToAnything) {
  ErrorModel a = of({{1, 0, 3}, {1, 1, 4}});
  a.add_bias(10);
  a.forget();
  EXPECT_TRUE(a.terms().empty());
  EXPECT_EQ(a.unknown(), 5);
  EXPECT_EQ(a.unknown_peak(), 4);
  a.add(of({{2, 0, 2}}));
  EXPECT_EQ(a.deviation(), 7);
  EXPECT_EQ(a.peak(), 6);
  EXPECT_EQ(a.coefficient_deviation(4), 6);
  a.scale(2);
  EXPECT_EQ(a.bias(), 20);
  EXPECT_EQ(a.deviation(), 14);
  EXPECT_EQ(a.peak(), 12);
  const double tail = 30 * std::log(2) + std::log(8) + 3;
  EXPECT_DOUBLE_EQ(a.bound(8), 20 + std::sqrt(tail) * 14 + tail / 2 * 12);
}

TEST(ErrorModel, ForgetsWhatIsTooLong) {
  std::vector<Term> many(ErrorModel::kMost + 1);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = {i, 0, 1};
  const ErrorModel model = of(many);
  EXPECT_TRUE(model.terms().empty());
  EXPECT_DOUBLE_EQ(model.deviation(), std::sqrt(many.size()));
}

// Products of two normal numbers, the heaviest terms there are, alone and in sums.
TEST(ErrorModel, BoundHoldsForProductsOfNormalNumbers) {
  Rng rng(1);
  const auto normal = [&] { return std::complex(rng.normal(), rng.normal()) / std::sqrt(2); };
  // The bound of one slot at a tail of 2^-30; the quantile of a thousandth must be within the one
  // of its own tail.
  for (const int count : {1, 4, 64}) {
    const ErrorModel model = [&] {
      std::vector<Term> equal;
      for (int i = 0; i < count; ++i) equal.push_back({1, static_cast<std::uint32_t>(i), 1});
      return of(equal);
    }();
    const double tail = std::log(1000) + 3;
    const double bound = std::sqrt(tail) * model.deviation() + tail / 2 * model.peak();
    int beyond = 0, beyond_half = 0;
    for (int i = 0; i < 20000; ++i) {
      std::complex<double> sum = 0;
      for (int k = 0; k < count; ++k) sum += normal() * normal();
      beyond += std::abs(sum) > bound;
      beyond_half += std::abs(sum) > bound / 2;
    }
    EXPECT_LE(beyond, 20) << count;
    EXPECT_GT(beyond_half, 0) << count;  // and it is no waste
  }
}

// docs/encrypted.md's table of worst cases, on chosen numbers.
TEST(WorstCase, FollowsItsFormulas) {
  const Context context(small(6, 3, 40, 2));
  Keys s(context);
  s.rotations({1});
  Rng rng(2);
  const auto x = random_slots(rng, 32);
  Ciphertext a = s.symmetric.encrypt(s.encoder, x), b = s.encryptor.encrypt(s.encoder, x), c, d;
  const auto n = [](double deviation) { return 6 * deviation * 8; };  // N = 64
  const double error = n(std::sqrt(10.5)), secret = n(std::sqrt(2 / 3.0)),
               rounding = n(1 / std::sqrt(12.0));
  const double dither = 6 * 4 + 0x1p40 * context.embedding().error(32);
  EXPECT_DOUBLE_EQ(a.noise, dither + error);
  EXPECT_DOUBLE_EQ(b.noise, dither + error * (1 + 2 * secret));
  EXPECT_DOUBLE_EQ(a.random.bias(), 0x1p40 * context.embedding().error(32));
  Plaintext plain = s.encoder.encode(x, {.bound = 1.5});
  const Ciphertext e = s.symmetric.encrypt(plain);
  EXPECT_DOUBLE_EQ(e.random.bias(), 32 + 1.5 * 0x1p40 * context.embedding().error(32));
  EXPECT_DOUBLE_EQ(e.noise, e.random.bias() + error);

  plain.noise = 0x1p16;
  a.noise = 0x1p20;
  b.noise = 0x1p21;
  a.magnitude = 3;
  b.magnitude = 5;
  const double size = 0x1p40;
  s.evaluator.add(a, b, c);
  EXPECT_EQ(c.noise, 0x1p20 + 0x1p21);
  s.evaluator.subtract(a, b, c);
  EXPECT_EQ(c.noise, 0x1p20 + 0x1p21);
  s.evaluator.add(a, plain, c);
  EXPECT_EQ(c.noise, 0x1p20 + 0x1p16);
  EXPECT_EQ(c.random.bias(), a.random.bias() + 0x1p16);
  s.evaluator.multiply(a, plain, c);
  EXPECT_EQ(c.noise, 0x1p20 * (1.5 * size + 0x1p16) + 3 * size * 0x1p16);
  EXPECT_DOUBLE_EQ(c.random.bias(), a.random.bias() * (1.5 * size + 0x1p16) + 3 * size * 0x1p16);
  s.evaluator.multiply(a, b, c);
  EXPECT_EQ(c.noise, 3 * size * 0x1p21 + 5 * size * 0x1p20 + 0x1p41);
  EXPECT_DOUBLE_EQ(c.random.bias(), 3 * size * b.random.bias() + 5 * size * a.random.bias() +
                                        a.likely_noise() * b.likely_noise());

  const double q = context.q(3).mod.q, product = c.noise;
  double digits = 0;
  for (const Digit& digit : context.level(3).digits)
    digits += n(2 * digit.half / std::sqrt(12.0)) * error / context.p_size();
  const double divided = rounding * (1 + secret);
  // the exact scale to the list's
  const auto moved = [&](double scale) { return std::abs(scale / q - context.scale(2)); };
  s.evaluator.relinearize(c, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, product + digits + divided);
  s.evaluator.rescale(c, d);
  EXPECT_DOUBLE_EQ(d.noise, product / q + rounding * (1 + secret + secret * secret) +
                                moved(c.scale) * c.magnitude);
  EXPECT_DOUBLE_EQ(d.random.bias(), c.random.bias() / q + moved(c.scale) * c.magnitude);
  c.noise = 2 * digits;  // comparable to what the key adds
  s.evaluator.relinearize_rescale(c, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, 3 * digits / q + divided + moved(c.scale) * c.magnitude);
  EXPECT_DOUBLE_EQ(d.random.bias(), c.random.bias() / q + moved(c.scale) * c.magnitude);
  s.evaluator.rotate(a, 1, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, a.noise + digits + divided);
  s.evaluator.conjugate(a, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, a.noise + digits + divided);
}

}  // namespace
}  // namespace pliant::ckks
