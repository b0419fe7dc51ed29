// The carried deviation against the measured one, over many keys: each term of each formula is
// large enough in one of these to be missed.
#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

// A digit is half as large as P, so that the noise of switching keys shows.
Params loud(int log_n, int levels = 1, int digits = 1, int bits = 49) {
  Params params = small(log_n, levels, bits, digits);
  params.first_bits = 50;
  return params;
}

class Ratio {  // measured over carried
 public:
  void add(const Slots& got, const Slots& want, double scale, double deviation) {
    for (std::size_t i = 0; i < want.size(); ++i)
      measured_ += std::norm((got[i] - want[i]) * scale);
    carried_ += deviation * deviation * static_cast<double>(want.size());
  }
  double value() const { return std::sqrt(measured_ / carried_); }

 private:
  double measured_ = 0, carried_ = 0;
};

Slots unit_slots(Rng& rng, std::size_t count) {  // all as large as the declared magnitude
  Slots values(count);
  for (auto& v : values) v = std::polar(1.0, 6.283185307179586 * rng.uniform());
  return values;
}

Slots turned(const Slots& x, std::size_t steps) {
  return map(x, [&](std::size_t i) { return x[(i + steps) % x.size()]; });
}

// The part of a deviation that `out` has beyond `in`.
double beyond(const ErrorModel& out, const ErrorModel& in) {
  return std::sqrt(std::pow(out.deviation(), 2) - std::pow(in.deviation(), 2));
}

// Calls f(keys and what works with them, x, y) for many keys.
template <typename F>
void with_keys(const Params& params, int count, const F& f) {
  const Context context(params);
  Rng rng(1);
  for (int key = 0; key < count; ++key) {
    const Seed seed{static_cast<std::uint8_t>(key), static_cast<std::uint8_t>(key / 256)};
    Keys s(context, nullptr, seed);
    f(s, unit_slots(rng, context.slots()), unit_slots(rng, context.slots()), seed);
  }
}

TEST(Deviation, OfEncryptionIsMeasured) {
  Ratio symmetric, by_public_key, dithered;
  with_keys(loud(4), 4000, [&](Keys& s, const Slots& x, const Slots&, const Seed& seed) {
    const Ciphertext a = s.symmetric.encrypt(s.encoder, x), b = s.encryptor.encrypt(s.encoder, x);
    symmetric.add(s.decrypt(a), x, a.scale, a.random.deviation());
    by_public_key.add(s.decrypt(b), x, b.scale, b.random.deviation());
    RandomStream stream(seed, 0);
    const Plaintext plain = s.encoder.encode(x, {.dither = &stream});
    dithered.add(s.encoder.decode(plain), x, plain.scale, plain.deviation);
  });
  EXPECT_NEAR(symmetric.value(), 0.996, 0.006);  // uniform fractions have a sixth, not a fourth
  EXPECT_NEAR(by_public_key.value(), 1, 0.01);   // of e0 2.2 %
  EXPECT_NEAR(dithered.value(), std::sqrt(4 / 6.0), 0.006);
}

// Operands of small scales: after the division nothing is left of their errors.
TEST(Deviation, OfRescalingIsMeasured) {
  Ratio two, three;
  with_keys(loud(4), 4000, [&](Keys& s, const Slots& x, const Slots& y, const Seed&) {
    Ciphertext c = s.symmetric.encrypt(s.encoder, x), product;
    const Slots want = map(x, [&](std::size_t i) { return x[i] * y[i]; });
    s.evaluator.multiply(c, s.encoder.encode(Slots(8, 1), {.scale = 0x1p30}), c);  // exact
    s.evaluator.rescale(c, c);
    two.add(s.decrypt(c), x, c.scale, c.random.deviation());
    const EncodingOptions options{.scale = 0x1p31};
    s.evaluator.multiply(s.symmetric.encrypt(s.encoder, x, options),
                         s.symmetric.encrypt(s.encoder, y, options), product);
    s.evaluator.rescale(product, product);
    three.add(s.decrypt(product), want, product.scale, product.random.deviation());
  });
  EXPECT_NEAR(two.value(), 1, 0.015);                  // of the first part's rounding 4 %
  EXPECT_NEAR(three.value(), std::sqrt(2) / 6, 0.02);  // a factor of the square by its bound
}

TEST(Deviation, OfSwitchingIsMeasured) {
  for (const int digits : {1, 3}) {
    Ratio rotated, conjugated, relinearized, fused;
    with_keys(loud(7, digits == 1 ? 1 : 2, digits), 150,
              [&](Keys& s, const Slots& x, const Slots& y, const Seed&) {
                s.rotations({1});
                const Ciphertext a = s.symmetric.encrypt(s.encoder, x);
                Ciphertext b, product;
                s.evaluator.rotate(a, 1, s.keys, b);
                rotated.add(s.decrypt(b), turned(s.decrypt(a), 1), b.scale,
                            beyond(b.random, a.random));
                Slots want = s.decrypt(a);
                for (auto& v : want) v = std::conj(v);
                s.evaluator.conjugate(a, s.keys, b);
                conjugated.add(s.decrypt(b), want, b.scale, beyond(b.random, a.random));
                const auto multiply = [&](const EncodingOptions& options) {
                  s.evaluator.multiply(s.symmetric.encrypt(s.encoder, x, options),
                                       s.symmetric.encrypt(s.encoder, y, options), product);
                };
                multiply({.scale = 0x1p20});
                want = s.decrypt(product);
                s.evaluator.relinearize(product, s.keys, b);
                relinearized.add(s.decrypt(b), want, b.scale, beyond(b.random, product.random));
                multiply({.scale = 0x1p31});
                s.evaluator.relinearize_rescale(product, s.keys, b);
                fused.add(s.decrypt(b), map(x, [&](std::size_t i) { return x[i] * y[i]; }), b.scale,
                          b.random.deviation());
                // Undivided: only the noise of the key.
                Raised raised;
                Extended undivided;
                s.evaluator.rotate(a, 1, s.keys, b);
                s.evaluator.raise(a, raised);
                s.evaluator.rotate_extended(a, raised, 1, s.keys, undivided);
                EXPECT_DOUBLE_EQ(
                    std::hypot(beyond(undivided.random, a.random), s.context.division_deviation()),
                    beyond(b.random, a.random));
              });
    EXPECT_NEAR(rotated.value(), 1, 0.02) << digits << " digits";
    EXPECT_NEAR(conjugated.value(), 1, 0.02) << digits << " digits";
    EXPECT_NEAR(relinearized.value(), 1, 0.02) << digits << " digits";
    EXPECT_NEAR(fused.value(), 1, 0.02) << digits << " digits";
  }
}

TEST(Deviation, OfSumsAndProductsIsMeasured) {
  Ratio sum, difference, twice, product, square, plain;
  with_keys(loud(7), 200, [&](Keys& s, const Slots& x, const Slots& y, const Seed&) {
    const Ciphertext a = s.symmetric.encrypt(s.encoder, x), b = s.symmetric.encrypt(s.encoder, y);
    Ciphertext c;
    const auto check = [&](Ratio& ratio, const auto& want) {
      ratio.add(s.decrypt(c), map(x, want), c.scale, c.random.deviation());
    };
    s.evaluator.add(a, b, c);
    check(sum, [&](std::size_t i) { return x[i] + y[i]; });
    s.evaluator.subtract(a, b, c);
    check(difference, [&](std::size_t i) { return x[i] - y[i]; });
    s.evaluator.add(a, a, c);
    check(twice, [&](std::size_t i) { return 2.0 * x[i]; });
    const EncodingOptions half{.scale = 0x1p47};
    const Ciphertext d = s.symmetric.encrypt(s.encoder, x, half),
                     e = s.encryptor.encrypt(s.encoder, y, half);
    s.evaluator.multiply(d, e, c);
    check(product, [&](std::size_t i) { return x[i] * y[i]; });
    s.evaluator.multiply(d, d, c);
    check(square, [&](std::size_t i) { return x[i] * x[i]; });
    s.evaluator.multiply(d, s.encoder.encode(y, half), c);
    check(plain, [&](std::size_t i) { return x[i] * y[i]; });
  });
  EXPECT_NEAR(sum.value(), 0.996, 0.01);
  EXPECT_NEAR(difference.value(), 0.996, 0.01);
  EXPECT_NEAR(twice.value(), 0.996, 0.01);
  EXPECT_NEAR(product.value(), 1, 0.02);
  EXPECT_NEAR(square.value(), 0.996, 0.01);
  EXPECT_NEAR(plain.value(), 1, 0.01);  // and the operand's rounding, which counts as bias
}

TEST(Deviation, OfLinearTransformsIsMeasured) {
  Ratio ratios[4];
  with_keys(loud(8, 1, 1, 48), 100, [&](Keys& s, const Slots& x, const Slots& y, const Seed&) {
    const Ciphertext a = s.symmetric.encrypt(s.encoder, x);
    const Slots small = map(y, [&](std::size_t i) { return 0.45 * y[i]; });
    Ciphertext c;
    const auto check = [&](Ratio& ratio, const Diagonals& diagonals, bool divided) {
      const LinearTransform transform(s.context, s.encoder, diagonals,
                                      {.babies = 2, .divided = divided});
      for (const int steps : transform.rotations())
        s.keys.add(s.generator.rotation_key(s.secret, steps));
      transform.apply(a, s.evaluator, s.keys, c);
      Slots want(x.size());
      for (const auto& [offset, values] : diagonals)
        for (std::size_t i = 0; i < x.size(); ++i)
          want[i] += values[i] * x[(i + static_cast<std::size_t>(offset)) % x.size()];
      ratio.add(s.decrypt(c), want, c.scale, c.random.deviation());
    };
    for (const bool divided : {false, true}) {
      check(ratios[divided ? 2 : 0], {{2, y}}, divided);
      check(ratios[divided ? 3 : 1], {{0, small}, {1, small}, {2, small}, {3, small}}, divided);
    }
  });
  for (const Ratio& ratio : ratios) EXPECT_NEAR(ratio.value(), 1, 0.02);
}

}  // namespace
}  // namespace pliant::ckks
