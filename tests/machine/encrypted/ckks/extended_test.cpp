// Ciphertexts that wait for their division by P, as values; and products that are added at once.
#include <gtest/gtest.h>

#include <limits>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

class Undivided : public testing::Test {
 protected:
  Undivided() : s(small(7, 3)), rng(3), x(random_slots(rng, 64)), y(random_slots(rng, 64)) {
    s.rotations({1, 5});
    a = s.encrypt(x);
    b = s.encrypt(y);
    plain = s.encoder.encode(y, {.extended = true});
  }
  Slots turned(const Slots& of, std::size_t by) const {
    return map(of, [&](std::size_t i) { return of[(i + by) % 64]; });
  }
  void expect_right(const Ciphertext& c, const Slots& want, int level) {
    EXPECT_EQ(c.level, level);
    EXPECT_LE(s.error(c, want), 1);
    EXPECT_LT(c.error_bound(), 1e-6);
  }
  Scheme s;
  Rng rng;
  Slots x, y;
  Ciphertext a, b, out;
  Plaintext plain;
  Extended e, f;
};

TEST_F(Undivided, AreAddedMultipliedAndRotated) {
  s.evaluator.extend(a, e);
  s.evaluator.finish(e, out);
  expect_right(out, x, 3);
  s.evaluator.extend(a, e);
  s.evaluator.extend(b, f);
  s.evaluator.add(e, f, f);
  s.evaluator.rotate(f, 5, s.keys, f);
  s.evaluator.rotate(f, 64, s.keys, e);  // not at all
  s.evaluator.finish(e, out);
  expect_right(out, turned(map(x, [&](std::size_t i) { return x[i] + y[i]; }), 5), 3);
  s.evaluator.multiply(f, plain, e);
  s.evaluator.extend(a, f);
  s.evaluator.multiply_add(f, plain, e);
  s.evaluator.rotate(e, 1, s.keys, e);
  s.evaluator.finish_rescale(e, out);
  const Slots sum =
      map(x, [&](std::size_t i) { return (x[(i + 5) % 64] + y[(i + 5) % 64] + x[i]) * y[i]; });
  expect_right(out, turned(sum, 1), 2);
}

// By the rules of docs/encrypted.md.
TEST_F(Undivided, HaveTheStatedBounds) {
  const double digits = s.context.switch_noise(3) / s.context.p_size();
  const double divided = s.context.division_noise();
  a.noise = digits;
  s.evaluator.extend(a, e);
  EXPECT_EQ(e.noise, digits);
  s.evaluator.rotate(e, 1, s.keys, f);
  EXPECT_DOUBLE_EQ(f.noise, 2 * digits + divided);
  EXPECT_DOUBLE_EQ(f.random.deviation(),
                   std::hypot(a.random.deviation(), s.evaluator.turn_deviation(3)));
  const double factor = plain.bound * plain.scale + plain.noise;
  s.evaluator.multiply(f, plain, e);
  EXPECT_DOUBLE_EQ(e.noise, f.noise * factor + f.magnitude * f.scale * plain.noise);
  EXPECT_DOUBLE_EQ(e.random.deviation(), f.random.deviation() * factor);
  EXPECT_DOUBLE_EQ(e.random.bias(), f.random.bias() * factor + f.magnitude * f.scale * plain.noise);
  const double noise = e.noise, magnitude = e.magnitude, deviation = e.random.deviation();
  s.evaluator.multiply_add(f, plain, e);
  EXPECT_DOUBLE_EQ(e.noise, 2 * noise);
  EXPECT_DOUBLE_EQ(e.magnitude, 2 * magnitude);
  EXPECT_DOUBLE_EQ(e.random.deviation(), 2 * deviation);  // the same events
  s.evaluator.finish(f, out);
  EXPECT_DOUBLE_EQ(out.noise, 2 * digits + 2 * divided);
  const double q = s.context.q(3).mod.q;
  s.evaluator.finish_rescale(e, out);
  EXPECT_NEAR(out.noise, 2 * noise / q + divided, 1e-9 * out.noise);
}

TEST_F(Undivided, ForeignOnesAreRefused) {
  Scheme other(small(7, 3, 41));
  const Ciphertext foreign = other.encrypt(x), low = s.encrypt(x, 1);
  Extended none, wrong, lower, scaled, short_of_limbs;
  other.evaluator.extend(foreign, wrong);
  s.evaluator.extend(low, lower);
  s.evaluator.extend(a, e);
  s.evaluator.extend(a, scaled);
  scaled.scale *= 2;
  s.evaluator.extend(a, short_of_limbs);
  short_of_limbs.part[1].resize(2, s.context.n());
  const auto says = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  const auto refused = [&](Extended& bad, const char* part) {
    says(error_of([&] { s.evaluator.add(e, bad, f); }), part);
    says(error_of([&] { s.evaluator.add(bad, e, f); }), part);
    says(error_of([&] { s.evaluator.multiply_add(e, plain, bad); }), part);
  };
  const auto alone = [&](Extended& bad, const char* part) {
    refused(bad, part);
    says(error_of([&] { s.evaluator.multiply(bad, plain, f); }), part);
    says(error_of([&] { s.evaluator.multiply_add(bad, plain, e); }), part);
    says(error_of([&] { s.evaluator.rotate(bad, 1, s.keys, f); }), part);
    says(error_of([&] { s.evaluator.finish(bad, out); }), part);
    says(error_of([&] { s.evaluator.finish_rescale(bad, out); }), part);
  };
  alone(none, "the undivided ciphertext belongs to parameters 0000000000000000");
  alone(wrong, "the undivided ciphertext belongs to parameters ");
  alone(short_of_limbs, "2 limbs instead of");
  refused(lower, "levels");
  refused(scaled, "scales");
  const Plaintext narrow = s.encoder.encode(y);
  says(error_of([&] { s.evaluator.multiply(e, narrow, f); }), "without the special primes");
  says(error_of([&] { s.evaluator.multiply(e, other.encoder.encode(y, {.extended = true}), f); }),
       "the plaintext belongs to parameters ");
  says(error_of([&] { s.evaluator.rotate(e, 2, s.keys, f); }), "no key for rotation by 2");
  for (double Extended::*field : {&Extended::scale, &Extended::noise, &Extended::magnitude}) {
    s.evaluator.extend(a, f);
    f.*field = std::numeric_limits<double>::quiet_NaN();
    says(error_of([&] { s.evaluator.finish(f, out); }), "the undivided ciphertext");
  }
  s.evaluator.extend(a, f);
  f.slots = 0;
  says(error_of([&] { s.evaluator.finish(f, out); }), "0 slots");
}

TEST_F(Undivided, ProductsAreAddedAtOnce) {
  s.evaluator.multiply(a, plain, out);
  s.evaluator.multiply_add(b, plain, out);
  expect_right(out, map(x, [&](std::size_t i) { return (x[i] + y[i]) * y[i]; }), 3);
  s.evaluator.multiply(a, b, out);
  const auto error = [&](const Ciphertext& product, Ciphertext& sum) {
    return error_of([&] { s.evaluator.multiply_add(product, plain, sum); });
  };
  EXPECT_NE(error(a, out).find("2 parts for a sum of 3"), std::string::npos) << error(a, out);
  EXPECT_NE(error(a, b).find("scales"), std::string::npos);
  EXPECT_NE(error(s.encrypt(x, 1), b).find("levels 1 and 3"), std::string::npos);
}

TEST_F(Undivided, NumbersMultiplyAndAdd) {
  for (const double number : {0.0, 1.0, -0.75, 1e-9, 3.14159, -1e-300}) {
    s.evaluator.multiply(a, number, out);
    s.evaluator.rescale(out, out);
    EXPECT_EQ(out.scale, s.context.scale(2));
    expect_right(out, map(x, [&](std::size_t i) { return number * x[i]; }), 2);
    s.evaluator.add(a, number, out);
    expect_right(out, map(x, [&](std::size_t i) { return number + x[i]; }), 3);
    s.evaluator.multiply(a, b, out);
    s.evaluator.add(out, number, out);  // at a squared scale
    EXPECT_LE(s.error(out, map(x, [&](std::size_t i) { return number + x[i] * y[i]; })), 1);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double number : {infinity, -infinity, infinity - infinity, 1e60}) {
    EXPECT_NE(error_of([&] { s.evaluator.multiply(a, number, out); }).find("the constant"),
              std::string::npos);
    EXPECT_NE(error_of([&] { s.evaluator.add(a, number, out); }).find("the constant"),
              std::string::npos);
  }
  EXPECT_NE(
      error_of([&] { s.evaluator.multiply(s.encrypt(x, 1), 1e10, out); }).find("exhausted level"),
      std::string::npos);
}

}  // namespace
}  // namespace pliant::ckks
