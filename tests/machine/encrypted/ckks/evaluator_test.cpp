#include "machine/encrypted/ckks/evaluator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

TEST(Evaluator, DoesEveryVerbWithinItsBound) {
  for (const int digits : {1, 2, 3, 4}) {
    Scheme s(small(8, 5, 40, digits));
    s.rotations({1, 5, -3});
    Rng rng(1);
    const std::size_t n = s.context.slots();
    const Slots x = random_slots(rng, n), y = random_slots(rng, n);
    for (int level = 0; level <= 5; ++level) {
      const Ciphertext a = s.encrypt(x, level), b = s.encrypt(y, level);
      Ciphertext c;
      EXPECT_LE(s.error(a, x), 1);
      s.evaluator.add(a, b, c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[i] + y[i]; })), 1);
      s.evaluator.subtract(a, b, c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[i] - y[i]; })), 1);
      s.evaluator.negate(a, c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return -x[i]; })), 1);
      s.evaluator.add(a, s.encoder.encode(y, {.level = level}), c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[i] + y[i]; })), 1);
      for (const int steps : {1, 5, -3}) {
        s.evaluator.rotate(a, steps, s.keys, c);
        const Slots want =
            map(x, [&](std::size_t i) { return x[(i + n + static_cast<std::size_t>(steps)) % n]; });
        EXPECT_LE(s.error(c, want), 1)
            << digits << " digits, level " << level << ", steps " << steps;
        EXPECT_LT(c.error(), 1e-6);
      }
      s.evaluator.conjugate(a, s.keys, c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return std::conj(x[i]); })), 1);
      if (level == 0) continue;
      const Slots product = map(x, [&](std::size_t i) { return x[i] * y[i]; });
      s.evaluator.multiply(a, b, c);
      EXPECT_EQ(c.size, 3);
      EXPECT_LE(s.error(c, product), 1);
      Ciphertext d;
      s.evaluator.relinearize(c, s.keys, d);
      EXPECT_LE(s.error(d, product), 1);
      s.evaluator.rescale(d, d);
      EXPECT_EQ(d.level, level - 1);
      EXPECT_EQ(d.scale, s.context.scale(level - 1));
      EXPECT_LE(s.error(d, product), 1);
      EXPECT_LT(d.error(), 1e-5);
      s.evaluator.relinearize_rescale(c, s.keys, d);
      EXPECT_EQ(d.scale, s.context.scale(level - 1));
      EXPECT_LE(s.error(d, product), 1);
      s.evaluator.rescale(c, d);  // three parts stay three
      EXPECT_LE(s.error(d, product), 1);
      s.evaluator.multiply(a, s.encoder.encode(y, {.level = level}), c);
      s.evaluator.rescale(c, c);
      EXPECT_LE(s.error(c, product), 1);
      s.evaluator.adjust(a, level - 1, c);
      EXPECT_EQ(c.scale, s.context.scale(level - 1));
      EXPECT_LE(s.error(c, x), 1);
      s.evaluator.drop_level(a, 0, c);
      EXPECT_LE(s.error(c, x), 1);
    }
  }
}

TEST(Evaluator, WritesIntoItsOperands) {
  Scheme s(small(7, 3));
  s.rotations({2});
  Rng rng(2);
  const Slots x = random_slots(rng, 64), y = random_slots(rng, 64);
  const auto both = [&](auto verb) {
    Ciphertext a = s.encrypt(x), apart, inside = a.copy();
    verb(a, apart);
    verb(inside, inside);
    for (std::size_t p = 0; p < static_cast<std::size_t>(apart.size); ++p)
      EXPECT_EQ(apart.part[p], inside.part[p]);
    EXPECT_EQ(apart.noise, inside.noise);
    EXPECT_EQ(apart.scale, inside.scale);
    EXPECT_EQ(apart.level, inside.level);
    EXPECT_EQ(apart.magnitude, inside.magnitude);
  };
  const Ciphertext b = s.encrypt(y);
  Evaluator& e = s.evaluator;
  both([&](const Ciphertext& a, Ciphertext& out) { e.add(a, b, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.subtract(b, a, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.multiply(a, b, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.multiply(b, a, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.multiply(a, a, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.rotate(a, 2, s.keys, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.adjust(a, 1, out); });
  both([&](const Ciphertext& a, Ciphertext& out) { e.negate(a, out); });
  both([&](const Ciphertext& a, Ciphertext& out) {
    e.multiply(a, b, out);
    e.relinearize_rescale(out, s.keys, out);
  });
  both([&](const Ciphertext& a, Ciphertext& out) {
    e.multiply(a, b, out);
    e.relinearize(out, s.keys, out);
  });
}

TEST(Evaluator, ReusesLargerStorage) {
  Scheme s(small(6, 3));
  Rng rng(11);
  const Slots x = random_slots(rng, 32);
  Ciphertext c;
  s.evaluator.multiply(s.encrypt(x), s.encrypt(x), c);  // three parts of four limbs
  c.assign(s.encrypt(x, 1));
  s.evaluator.multiply(c, c, c);
  for (const Poly& part : c.part) EXPECT_EQ(part.limbs(), 2u);
  EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[i] * x[i]; })), 1);
}

TEST(Evaluator, ObeysTheLaws) {
  Scheme s(small(8, 4));
  s.rotations({3, 4, 7});
  Rng rng(3);
  const Slots x = random_slots(rng, 128), y = random_slots(rng, 128);
  Evaluator& e = s.evaluator;
  Ciphertext a = s.encrypt(x), b = s.encrypt(y), c, d;
  // Rotations compose; rotation is additive; conjugation is its own inverse.
  e.rotate(a, 3, s.keys, c);
  e.rotate(c, 4, s.keys, c);
  EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[(i + 7) % 128]; })), 1);
  e.rotate(a, 3, s.keys, c);
  e.rotate(b, 3, s.keys, d);
  e.add(c, d, c);
  EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[(i + 3) % 128] + y[(i + 3) % 128]; })),
            1);
  e.conjugate(a, s.keys, c);
  e.conjugate(c, s.keys, c);
  EXPECT_LE(s.error(c, x), 1);
  // Lazy relinearisation: a sum of products, relinearised once; sizes mix.
  Ciphertext p, q;
  e.multiply(a, b, p);
  e.multiply(a, a, q);
  e.add(p, q, p);
  e.relinearize(p, s.keys, p);
  EXPECT_LE(s.error(p, map(x, [&](std::size_t i) { return x[i] * y[i] + x[i] * x[i]; })), 1);
  e.subtract(p, q, p);
  EXPECT_EQ(p.size, 3);
  e.relinearize_rescale(p, s.keys, p);
  EXPECT_LE(s.error(p, map(x, [&](std::size_t i) { return x[i] * y[i]; })), 1);
  // Products down to the last level meet there with adjusted operands.
  Ciphertext power = a.copy();
  Slots want = x;
  while (power.level > 0) {
    Ciphertext factor;
    e.adjust(a, power.level, factor);
    e.multiply(power, factor, power);
    e.relinearize_rescale(power, s.keys, power);
    for (std::size_t i = 0; i < x.size(); ++i) want[i] *= x[i];
    EXPECT_LE(s.error(power, want), 1);
    EXPECT_LT(power.error(), 1e-4);
  }
}

// Limbs are raised all at once, or some at a time, whatever part of a digit that is.
TEST(Evaluator, HoistedRotationsAreTheSameBitsAtEveryLevel) {
  for (const Params& params : {small(6, 12, 40, 2), small(6, 20, 40, 3), small(5, 9, 40, 8)}) {
    Scheme s(params);
    s.rotations({3});
    const Ciphertext top = s.encrypt(Slots(s.context.slots(), 0.5));
    Raised raised;
    Ciphertext a, apart, hoisted;
    for (int level = 0; level <= params.levels; ++level) {
      s.evaluator.drop_level(top, level, a);
      s.evaluator.raise(a, raised);
      s.evaluator.rotate(a, 3, s.keys, apart);
      s.evaluator.rotate_raised(a, raised, 3, s.keys, hoisted);
      for (std::size_t p = 0; p < 2; ++p)
        EXPECT_EQ(apart.part[p], hoisted.part[p]) << describe(params) << ", level " << level;
    }
  }
}

TEST(Evaluator, HoistedRotationsAreTheSameBits) {
  Scheme s(small(8, 3));
  s.rotations({1, 2, 9});
  Rng rng(4);
  const Slots x = random_slots(rng, 128);
  const Ciphertext a = s.encrypt(x);
  Raised raised;
  s.evaluator.raise(a, raised);
  Ciphertext apart, hoisted;
  for (const int steps : {0, 1, 2, 9}) {
    s.evaluator.rotate(a, steps, s.keys, apart);
    s.evaluator.rotate_raised(a, raised, steps, s.keys, hoisted);
    for (std::size_t p = 0; p < 2; ++p) EXPECT_EQ(apart.part[p], hoisted.part[p]);
    // Undivided, and divided at the end together with the rescale.
    Extended extended;
    s.evaluator.rotate_extended(a, raised, steps, s.keys, extended);
    extended.scale *= s.context.scale(3);
    for (Poly& part : extended.part)
      for (std::size_t i = 0; i < part.limbs(); ++i) {
        const Modulus& m = s.context.extended(3, i).mod;
        s.context.kernels().scale(part.limb(i), part.limb(i),
                                  factor(static_cast<u64>(s.context.scale(3)) % m.q, m), part.n(),
                                  m);
      }
    extended.noise *= s.context.scale(3);
    extended.random.scale(s.context.scale(3));
    s.evaluator.finish_rescale(extended, hoisted);
    EXPECT_LE(
        s.error(
            hoisted,
            map(x, [&](std::size_t i) { return x[(i + static_cast<std::size_t>(steps)) % 128]; })),
        1);
  }
}

TEST(Evaluator, AHigherKeyTakesThePlaceOfLowerOnes) {
  Scheme s(small(7, 3));
  KeySet keys;
  for (const int level : {1, 2, 3}) keys.add(s.generator.rotation_key(s.secret, 1, level));
  keys.add(s.generator.rotation_key(s.secret, 2, 1));
  EXPECT_EQ(keys.all().size(), 2u);
  EXPECT_EQ(keys.find(s.context, s.context.galois(1), 0).level, 3);
  for (const auto& [galois, key] : keys.all())
    EXPECT_EQ(key.bytes(), key_bytes(s.context, key.level));
}

TEST(Evaluator, KeysOfHigherLevelsServeLowerOnes) {
  Scheme s(small(7, 4));
  KeySet exact;
  for (const int level : {4, 2, 1}) exact.add(s.generator.rotation_key(s.secret, 1, level));
  EXPECT_EQ(exact.find(s.context, s.context.galois(1), 4).level, 4);
  EXPECT_EQ(exact.find(s.context, s.context.galois(1), 3).level, 4);
  EXPECT_EQ(exact.find(s.context, s.context.galois(1), 2).level, 2);
  EXPECT_EQ(exact.find(s.context, s.context.galois(1), 0).level, 1);
  EXPECT_LT(exact.find(s.context, s.context.galois(1), 1).bytes(),
            exact.find(s.context, s.context.galois(1), 4).bytes() / 2);
  Rng rng(5);
  const Slots x = random_slots(rng, 64);
  for (int level = 0; level <= 4; ++level) {
    Ciphertext c = s.encrypt(x, level);
    s.evaluator.rotate(c, 1, exact, c);
    EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[(i + 1) % 64]; })), 1);
  }
}

TEST(Evaluator, IsTheSameForEveryKernelAndThreadCount) {
  std::vector<Poly> first;
  for (const Kernels* kernels : usable_kernels())
    for (const int threads : {1, 2, 3, 5}) {
      ThreadPool pool(threads);
      Scheme s(small(12, 4), &pool, *kernels);
      s.rotations({1});
      Rng rng(6);
      const Slots x = random_slots(rng, 2048);
      Ciphertext a = s.encrypt(x), b;
      s.evaluator.rotate(a, 1, s.keys, b);
      s.evaluator.multiply(a, b, a);
      s.evaluator.relinearize_rescale(a, s.keys, a);
      s.evaluator.adjust(a, 1, a);
      if (first.empty())
        for (std::size_t p = 0; p < 2; ++p) first.push_back(a.part[p].copy());
      for (std::size_t p = 0; p < 2; ++p)
        EXPECT_EQ(a.part[p], first[p]) << kernels->name << ", " << threads << " threads";
    }
}

TEST(Evaluator, SymmetricEncryptionIsSeededAndQuieter) {
  Scheme s(small(7, 2));
  Rng rng(7);
  const Slots x = random_slots(rng, 64);
  const Ciphertext a = s.symmetric.encrypt(s.encoder.encode(x));
  ASSERT_TRUE(a.seed.has_value());
  EXPECT_LE(s.error(a, x), 1);
  EXPECT_LT(a.noise, s.encrypt(x).noise / 10);
  Poly again;
  expand_seed(s.context, *a.seed, 0, 2, false, again);
  EXPECT_EQ(a.part[1], again);
  EXPECT_NE(s.symmetric.encrypt(s.encoder.encode(x)).part[1], a.part[1]);
}

TEST(Evaluator, SparseSlotsStaySparse) {
  Scheme s(small(8, 2));
  s.rotations({1});
  Rng rng(8);
  const Slots x = random_slots(rng, 8);
  Ciphertext a = s.encrypt(x);
  s.evaluator.rotate(a, 1, s.keys, a);
  EXPECT_LE(s.error(a, map(x, [&](std::size_t i) { return x[(i + 1) % 8]; })), 1);
  s.evaluator.multiply(a, a, a);
  s.evaluator.relinearize_rescale(a, s.keys, a);
  EXPECT_LE(s.error(a, map(x, [&](std::size_t i) { return x[(i + 1) % 8] * x[(i + 1) % 8]; })), 1);
}

TEST(Evaluator, RefusesNamingBothSides) {
  Scheme s(small(6, 2)), other(small(6, 2, 41));
  Rng rng(10);
  const Slots x = random_slots(rng, 32);
  const Ciphertext a = s.encrypt(x), low = s.encrypt(x, 1), foreign = other.encrypt(x);
  const Plaintext plain = s.encoder.encode(x, {.level = 1});
  Ciphertext c, product, bottom = s.encrypt(x, 0);
  const auto says = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  Evaluator& e = s.evaluator;
  says(error_of([&] { e.add(a, low, c); }), "levels 2 and 1 differ");
  says(error_of([&] { e.multiply(a, low, c); }), "levels 2 and 1 differ");
  says(error_of([&] { e.multiply(a, plain, c); }), "levels 2 and 1 differ");
  e.multiply(a, a, product);
  says(error_of([&] { e.subtract(a, product, c); }), "scales 2^40.000000 and 2^80.000000 differ");
  says(error_of([&] { e.add(product, s.encoder.encode(x), c); }),
       "scales 2^80.000000 and 2^40.000000 differ");
  says(error_of([&] { e.add(a, foreign, c); }), "the ciphertext belongs to parameters ");
  says(error_of([&] { other.decryptor.decrypt(a); }), "the ciphertext belongs to parameters ");
  says(error_of([&] { other.encryptor.encrypt(s.encoder.encode(x)); }),
       "the plaintext belongs to parameters ");
  says(error_of([&] { Encryptor(s.context, other.public_key); }), "the public key belongs to");
  says(error_of([&] { e.rotate(a, 3, s.keys, c); }), "no key for rotation by 3 at level 2");
  s.keys.add(s.generator.rotation_key(s.secret, 3, 1));
  says(error_of([&] { e.rotate(a, 3, s.keys, c); }),
       "no key for rotation by 3 at level 2, only up to level 1");
  says(error_of([&] { e.relinearize(product, KeySet{}, c); }),
       "no key for relinearization at level 2");
  says(error_of([&] { e.conjugate(a, KeySet{}, c); }), "no key for conjugation");
  KeySet foreign_keys;
  foreign_keys.add(other.generator.rotation_key(other.secret, 3));
  says(error_of([&] { e.rotate(a, 3, foreign_keys, c); }), "the key belongs to parameters ");
  says(error_of([&] { e.rotate(product, 3, s.keys, c); }), "3 parts instead of 2");
  says(error_of([&] { e.multiply(product, a, c); }), "3 parts instead of 2");
  says(error_of([&] { e.rescale(bottom, c); }), "exhausted level");
  const Ciphertext before = bottom.copy();
  says(error_of([&] { e.multiply(bottom, bottom, bottom); }), "exhausted level");
  EXPECT_EQ(bottom.part[0], before.part[0]);  // a refusal leaves the operand as it was
  EXPECT_EQ(bottom.size, 2);
  says(error_of([&] { e.adjust(product, 0, c); }), "cannot meet");
  says(error_of([&] { e.drop_level(product, 0, c); }), "exhausted level");
  says(error_of([&] { e.rescale(a, c); }), "leaves nothing of the message");
  says(error_of([&] { e.drop_level(low, 2, c); }), "from level 1 to 2");
  says(error_of([&] { e.adjust(low, 2, c); }), "from level 1 to 2");
  says(error_of([&] { s.generator.rotation_key(s.secret, 1, 3); }), "level 3 is above the 2");
  says(error_of([&] { s.generator.rotation_key(s.secret, 1, -5); }), "level -5 is negative");
  const Ciphertext hostile = [&] {
    Ciphertext h = s.encrypt(x);
    h.noise = std::nan("");
    return h;
  }();
  says(error_of([&] { e.add(a, hostile, c); }), "a bound of nan");
  Raised raised;
  e.raise(low, raised);
  says(error_of([&] { e.rotate_raised(a, raised, 3, s.keys, c); }),
       "raised at level 1, rotated at level 2");
}

}  // namespace
}  // namespace pliant::ckks
