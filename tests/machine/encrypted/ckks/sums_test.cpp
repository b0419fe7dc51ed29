// The bound of sums over slots: useful where the terms are independent, and a bound where they are
// not.
#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

double measured(Keys& s, const Ciphertext& c, const Slots& want) {
  const Slots got = s.decrypt(c);
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
  return worst;
}

Slots real_slots(Rng& rng, std::size_t count) {
  Slots values(count);
  for (auto& v : values) v = 2 * rng.uniform() - 1;
  return values;
}

// c and its rotation by 1, 2, 4, ... (or by `step` each time), `count` times.
void sum_rotations(Keys& s, Ciphertext& c, int count, int step = 0) {
  Ciphertext turned;
  for (int i = 0; i < count; ++i) {
    s.evaluator.rotate(c, step == 0 ? 1 << i : step, s.keys, turned);
    s.evaluator.add(c, turned, c);
  }
}

TEST(Bound, OfDotProductsIsUseful) {
  Scheme s(small(15, 2, 40, 2));
  for (int i = 0; i < 14; ++i) s.keys.add(s.generator.rotation_key(s.secret, 1 << i, 1));
  Rng rng(1);
  const std::size_t n = s.context.slots();
  const Slots x = real_slots(rng, n), y = real_slots(rng, n);
  std::complex<double> dot = 0;
  for (std::size_t i = 0; i < n; ++i) dot += x[i] * y[i];
  for (Encryptor* encryptor : {&s.symmetric, &s.encryptor})
    for (const bool plain : {false, true}) {
      Ciphertext c = encryptor->encrypt(s.encoder, x);
      if (plain) s.evaluator.multiply(c, s.encoder.encode(y), c);
      else s.evaluator.multiply(c, encryptor->encrypt(s.encoder, y), c);
      s.evaluator.relinearize_rescale(c, s.keys, c);
      sum_rotations(s, c, 14);
      const double error = measured(s, c, Slots(n, dot));
      EXPECT_LE(error, c.error_bound()) << plain;
      EXPECT_GE(30 * error, c.error_bound()) << plain;
      EXPECT_GE(c.error(), 100 * c.error_bound()) << plain;  // what the worst case would say
    }
}

// Every slot of a sum has the same error: further sums multiply it.
TEST(Bound, HoldsForSumsOfSums) {
  Scheme s(small(8, 2));
  s.rotations({1, 2, 4, 8, 16, 32, 64});
  Rng rng(2);
  const Slots x = real_slots(rng, 128);
  std::complex<double> sum = 0;
  for (const auto& v : x) sum += v;
  for (int i = 0; i < 50; ++i) {
    Ciphertext c = s.symmetric.encrypt(s.encoder, x);
    sum_rotations(s, c, 7);
    EXPECT_LE(measured(s, c, Slots(128, sum)), c.error_bound());
    const double once = c.random.deviation();
    sum_rotations(s, c, 7);
    EXPECT_LE(measured(s, c, Slots(128, 128.0 * sum)), c.error_bound());
    EXPECT_GT(c.random.deviation(), 70 * once);
  }
}

// What is one event must be one source, whatever it was reached by.
TEST(Bound, KnowsEqualErrorsByName) {
  Scheme s(small(7, 2));
  s.rotations({1});
  Rng rng(3);
  const Slots x = real_slots(rng, 64);
  const Ciphertext a = s.symmetric.encrypt(s.encoder, x);
  Evaluator& e = s.evaluator;
  Ciphertext b, c, sum;
  const auto doubles = [&](const char* what) {
    EXPECT_EQ(b.random.terms().size(), c.random.terms().size()) << what;
    e.add(b, c, sum);
    EXPECT_NEAR(sum.random.deviation(), b.random.deviation() + c.random.deviation(),
                1e-9 * sum.random.deviation())
        << what;
  };
  // A public summand, a sign and a lost level leave the second part: its noise is the same.
  e.rotate(a, 1, s.keys, b);
  e.add(a, s.encoder.encode(x), c);
  e.rotate(c, 1, s.keys, c);
  doubles("a summand");
  e.negate(a, c);
  e.rotate(c, 1, s.keys, c);
  doubles("a sign");
  e.drop_level(a, 1, c);
  e.rotate(c, 1, s.keys, c);
  e.drop_level(b, 1, b);
  doubles("a level");
  // Hoisted rotations are the same.
  Raised raised;
  e.raise(a, raised);
  e.rotate_raised(a, raised, 1, s.keys, c);
  e.rotate(a, 1, s.keys, b);
  doubles("hoisting");
  // The same rescale of the same product.
  e.multiply(a, a, b);
  e.relinearize_rescale(b, s.keys, b);
  e.multiply(a, a, c);
  e.relinearize_rescale(c, s.keys, c);
  doubles("a product");
  // The same transform.
  const LinearTransform transform(s.context, s.encoder, {{0, x}, {1, x}, {2, x}});
  for (const int steps : transform.rotations())
    s.keys.add(s.generator.rotation_key(s.secret, steps));
  transform.apply(a, e, s.keys, b);
  transform.apply(a, e, s.keys, c);
  doubles("a transform");
  // One plaintext encrypted twice has one rounding.
  RandomStream stream(Seed{1}, 0);
  const Plaintext plain = s.encoder.encode(x, {.dither = &stream});
  b = s.symmetric.encrypt(plain);
  c = s.symmetric.encrypt(plain);
  e.subtract(b, c, sum);
  EXPECT_EQ(sum.random.terms().size(), 3u);
}

// Slot j has what slot j + steps had.
TEST(Bound, OffsetsFollowTheSlots) {
  Scheme s(small(7, 2));
  s.rotations({3});
  const Slots ones(64, 1);
  const Ciphertext a = s.symmetric.encrypt(s.encoder, ones);
  const u64 source = a.random.terms()[0].source;
  const auto offset = [&](const ErrorModel& random) {
    for (const ErrorModel::Term& term : random.terms())
      if (term.source == source) return term.offset;
    return ~0u;
  };
  Ciphertext b;
  EXPECT_EQ(offset(a.random), 0u);
  s.evaluator.rotate(a, 3, s.keys, b);
  EXPECT_EQ(offset(b.random), 3u);
  s.evaluator.conjugate(b, s.keys, b);
  EXPECT_EQ(offset(b.random), 3u);
  Raised raised;
  Extended extended;
  s.evaluator.raise(a, raised);
  s.evaluator.rotate_extended(a, raised, 3, s.keys, extended);
  EXPECT_EQ(offset(extended.random), 3u);
  LinearTransform(s.context, s.encoder, {{3, ones}}).apply(a, s.evaluator, s.keys, b);
  EXPECT_EQ(offset(b.random), 3u);
}

// The bound of a transform with many diagonals, and of one after sums that are too long to follow.
TEST(Bound, OfTransformsIsUseful) {
  Scheme s(small(12, 1));
  Rng rng(4);
  const std::size_t n = s.context.slots();
  const Slots x = real_slots(rng, n);
  Diagonals diagonals;
  for (int d = 0; d < 64; ++d) diagonals[32 * d] = real_slots(rng, n);
  const LinearTransform transform(s.context, s.encoder, diagonals);
  for (const int steps : transform.rotations())
    s.keys.add(s.generator.rotation_key(s.secret, steps));
  Slots want(n);
  for (const auto& [offset, values] : diagonals)
    for (std::size_t i = 0; i < n; ++i)
      want[i] += values[i] * x[(i + static_cast<std::size_t>(offset)) % n];
  Ciphertext in = s.symmetric.encrypt(s.encoder, x), out;
  transform.apply(in, s.evaluator, s.keys, out);
  const double error = measured(s, out, want);
  EXPECT_LE(error, out.error_bound());
  EXPECT_GE(30 * error, out.error_bound());
  // A larger error of one term, and of more than can be followed: those count as correlated.
  const double large = 100 * in.random.deviation();
  const auto of_terms = [&](u64 count) {
    std::vector<ErrorModel::Term> terms;
    for (u64 i = 0; i < count; ++i)
      terms.push_back({i, 0, large / std::sqrt(static_cast<double>(count))});
    in.random.set_terms(terms);
    transform.apply(in, s.evaluator, s.keys, out);
    return out.random.deviation();
  };
  const double one = of_terms(1);
  EXPECT_GT(of_terms(8192), 2 * one);
  // Of slots that have a source in common, values add too.
  in.random.set_terms(std::vector<ErrorModel::Term>{{1, 0, large / 2}, {1, 32, large / 2}});
  transform.apply(in, s.evaluator, s.keys, out);
  EXPECT_GT(out.random.deviation(), 1.2 * one);
}

// Masks and permutations: a row has one value, in whichever diagonal.
TEST(Bound, OfPermutationsIsUseful) {
  Scheme s(small(12, 2));
  Rng rng(5);
  const std::size_t n = s.context.slots(), side = 32;  // two 32 x 32 matrices
  Diagonals transpose;
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t row = k / side % side, column = k % side;
    const auto from = static_cast<int>(k / (side * side) * side * side + column * side + row);
    auto& values = transpose[from - static_cast<int>(k)];
    values.resize(n);
    values[k] = 1;
  }
  const LinearTransform transform(s.context, s.encoder, transpose);
  for (const int steps : transform.rotations())
    s.keys.add(s.generator.rotation_key(s.secret, steps));
  const Slots x = real_slots(rng, n);
  const Slots want = map(x, [&](std::size_t k) {
    return x[k / (side * side) * side * side + k % side * side + k / side % side];
  });
  for (Encryptor* encryptor : {&s.symmetric, &s.encryptor}) {
    Ciphertext c;
    transform.apply(encryptor->encrypt(s.encoder, x), s.evaluator, s.keys, c);
    const double error = measured(s, c, want);
    EXPECT_LE(error, c.error_bound());
    EXPECT_GE(30 * error, c.error_bound());
    EXPECT_EQ(c.magnitude, 1);
  }
}

}  // namespace
}  // namespace pliant::ckks
