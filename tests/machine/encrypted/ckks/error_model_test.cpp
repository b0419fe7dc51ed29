// The algebra of random errors, and the formulas of the worst case.
#include "machine/encrypted/ckks/context/error_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Term = ErrorModel::Term;

ErrorModel of(const std::vector<Term>& terms) {
  ErrorModel model;
  model.set_terms(terms);
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

TEST(ErrorModel, IsCappedByWhatIsKnownBesides) {
  ErrorModel a = of({{1, 0, 3}, {1, 1, 4}});
  EXPECT_FALSE(a.uncorrelated());
  EXPECT_TRUE(of({{1, 0, 3}, {2, 1, 4}}).uncorrelated());
  a.cap(4);
  EXPECT_EQ(a.deviation(), 4);
  a.scale(2);
  a.rotate(1, 8);
  a.add_source(7, 6);
  EXPECT_EQ(a.deviation(), 10);  // root of 8^2 + 6^2
  ErrorModel b = of({{9, 0, 1}});
  b.add_source(9, 3);
  EXPECT_EQ(b.deviation(), 4);  // the same event again
  b = of({{9, 0, 1}});
  a.add(b);
  EXPECT_EQ(a.deviation(), 11);
  a.add_unknown(2, 1);
  EXPECT_EQ(a.deviation(), 13);
  EXPECT_FALSE(a.uncorrelated());
  b.assign(a);
  EXPECT_EQ(b.deviation(), 13);
  a.add(a);
  EXPECT_EQ(a.deviation(), 26);
  a.forget();
  EXPECT_EQ(a.unknown(), 26);
  EXPECT_EQ(a.deviation(), 26);
  a.clear();
  EXPECT_EQ(a.deviation(), 0);
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
class WorstCase : public testing::Test {
 protected:
  WorstCase() : context(small(6, 3, 20, 2)), s(context) {  // small: every term shows
    s.rotations({1, 2});
    Rng rng(2);
    x = random_slots(rng, 32);
    a = s.symmetric.encrypt(s.encoder, x);
    b = s.encryptor.encrypt(s.encoder, x);
    for (const Digit& digit : context.level(3).digits)
      digits += n(2 * digit.half / std::sqrt(12.0)) * error / context.p_size();
  }
  static double n(double deviation) { return 6 * deviation * 8; }  // N = 64

  const double error = n(std::sqrt(10.5)), secret = n(std::sqrt(2 / 3.0)),
               rounding = n(1 / std::sqrt(12.0)), divided = rounding * (1 + secret),
               thrice = rounding * (1 + secret + secret * secret);
  double digits = 0;  // what a key adds
  const Context context;
  Keys s;
  std::vector<std::complex<double>> x;
  Ciphertext a, b, c, d;
};

TEST_F(WorstCase, OfEncryption) {
  const double transform = 0x1p20 * context.embedding().error(32);
  EXPECT_DOUBLE_EQ(a.noise, 6 * 4 + transform + error);
  EXPECT_DOUBLE_EQ(b.noise, 6 * 4 + transform + error * (1 + 2 * secret));
  EXPECT_DOUBLE_EQ(a.random.bias(), transform);
  c = s.symmetric.encrypt(s.encoder.encode(x, {.bound = 1.5}));
  EXPECT_DOUBLE_EQ(c.random.bias(), 32 + 1.5 * transform);
  EXPECT_DOUBLE_EQ(c.noise, c.random.bias() + error);
}

TEST_F(WorstCase, OfSumsAndProducts) {
  Plaintext plain = s.encoder.encode(x, {.bound = 1.5});
  plain.noise = 0x1p16;
  a.noise = 0x1p20;
  b.noise = 0x1p21;
  a.magnitude = 3;
  b.magnitude = 5;
  const double size = 0x1p20;
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
}

// Noises comparable to what a key adds, and magnitudes to what the list of scales moves.
TEST_F(WorstCase, OfSwitchingAndDividing) {
  s.evaluator.rotate(a, 1, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, a.noise + digits + divided);
  s.evaluator.conjugate(a, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, a.noise + digits + divided);
  Raised raised;
  Extended undivided;
  s.evaluator.raise(a, raised);
  s.evaluator.rotate_extended(a, raised, 1, s.keys, undivided);
  EXPECT_DOUBLE_EQ(undivided.noise, a.noise + digits);
  s.evaluator.multiply(a, b, c);
  c.noise = digits;
  s.evaluator.relinearize(c, s.keys, d);
  EXPECT_DOUBLE_EQ(d.noise, 2 * digits + divided);
  const double q = context.q(3).mod.q;
  c.random.clear();
  c.random.add_bias(3);
  c.magnitude = 100;
  for (const double by : {1.0, 1 + 0x1p-45}) {  // on the list, and near enough to be moved there
    c.scale = context.scale(2) * q * by;
    const double moved = 100 * std::abs(c.scale / q - context.scale(2));
    EXPECT_EQ(moved > 0, by != 1);
    s.evaluator.relinearize_rescale(c, s.keys, d);
    EXPECT_DOUBLE_EQ(d.noise, 2 * digits / q + divided + moved);
    EXPECT_DOUBLE_EQ(d.random.bias(), 3 / q + moved);
    s.evaluator.rescale(c, d);
    EXPECT_DOUBLE_EQ(d.noise, digits / q + thrice + moved);
    EXPECT_DOUBLE_EQ(d.random.bias(), 3 / q + moved);
  }
}

TEST_F(WorstCase, OfAdjusting) {
  a.scale *= 1.37;
  a.magnitude = 0x1p20;
  s.evaluator.adjust(a, 2, c);
  const double q = context.q(3).mod.q, target = context.scale(2) * q, wanted = target / a.scale,
               constant = std::nearbyint(wanted);
  const double bias = 0x1p20 * a.scale * std::abs(constant - wanted);
  EXPECT_GT(bias / q, 1000);
  EXPECT_DOUBLE_EQ(c.noise, (a.noise * constant + bias) / q + divided);
  EXPECT_DOUBLE_EQ(c.random.bias(), (a.random.bias() * constant + bias) / q);
  EXPECT_DOUBLE_EQ(c.random.deviation(),
                   std::hypot(a.random.deviation() * constant / q, context.division_deviation()));
}

// A row has one value, in whichever diagonal. Babies are divided late or early: then each has the
// error of a division, and the giant step has none before it.
TEST_F(WorstCase, OfTransforms) {
  const double q = context.q(3).mod.q, scale = context.scale(2) * q / context.scale(3);
  const std::array sizes{0.3, 0.5, 0.2, 0.7};
  std::array<double, 4> errors{};
  Diagonals diagonals;
  for (std::size_t i = 0; i < 4; ++i) {
    std::vector<std::complex<double>> values(32);
    for (std::size_t k = i; k < 32; k += 4) values[k] = sizes[i];
    Rounded rounded;
    s.encoder.round(values, {.scale = scale, .bound = sizes[i]}, rounded);
    errors[i] = rounded.fields.noise;
    diagonals[static_cast<int>(i)] = values;
  }
  const double all = errors[0] + errors[1] + errors[2] + errors[3], gain = 0.7 * scale + all;
  a.noise = digits;
  a.magnitude = 0x1p20;
  a.scale *= 1 + 0x1p-45;
  const double moved = 0x1p20 * 0.7 * std::abs(a.scale * scale / q - context.scale(2));
  EXPECT_GT(moved, 0.01);
  const double last = context.division_deviation(), own = a.random.deviation(),
               switched = context.switch_deviation(3) / context.p_size(),
               rounds = context.deviation_of(kRoundingDeviation) *
                        context.deviation_of(kSecretDeviation);
  for (const bool early : {false, true}) {
    LinearTransform(context, s.encoder, diagonals, {.babies = 2, .divided = early})
        .apply(a, s.evaluator, s.keys, c);
    EXPECT_DOUBLE_EQ(c.magnitude, 0x1p20 * 0.7);
    const double baby = early ? divided : 0, giant = early ? 0 : divided;
    EXPECT_DOUBLE_EQ(c.noise,
                     ((2 * digits + baby) * gain + 0x1p20 * a.scale * all + digits + giant) / q +
                         divided + moved);
    EXPECT_DOUBLE_EQ(c.random.bias(),
                     (a.random.bias() * gain + 0x1p20 * a.scale * all) / q + moved);
    const double key = early ? std::hypot(switched, last) : switched,
                 turned = early ? switched : std::hypot(switched, rounds);
    const double deviation = std::hypot(std::hypot(own * gain, turned) / q, key * gain / q, last);
    EXPECT_NEAR(c.random.deviation(), deviation, 1e-13 * deviation);
    std::vector<double> want{key * (0.5 * scale + all) / q, key * (0.7 * scale + all) / q, last,
                             turned / q};  // the giant step's
    for (std::size_t i = 0; i < 4; ++i) want.push_back(own * (sizes[i] * scale + errors[i]) / q);
    std::vector<double> got;
    for (const Term& term : c.random.terms()) got.push_back(term.amplitude);
    std::ranges::sort(want);
    std::ranges::sort(got);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-13 * want[i]) << i;
  }
}

}  // namespace
}  // namespace pliant::ckks
