#include "machine/encrypted/ckks/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/rng.h"
#include "machine/encrypted/ckks/ring/ntt.h"
#include "machine/encrypted/ckks/ring/packed.h"
#include "machine/encrypted/ckks/ring/pages.h"
#include "machine/encrypted/ckks/ring/poly.h"
#include "machine/encrypted/ckks/ring/primes.h"

namespace pliant::ckks {
namespace {

u64 random_prime(Rng& rng, int bits, int log_n) {
  const u64 step = u64{2} << log_n;
  u64 n = (u64{1} << (bits - 1)) + (rng.bits() >> (65 - bits));
  for (n = n / step * step + 1; !is_prime(n);
       n = n < (u64{1} << (bits - 1)) + step ? (u64{1} << bits) - step + 1 : n - step) {
  }
  return n;
}

// Residues with the edges in front.
std::vector<u64> residues(Rng& rng, std::size_t n, u64 q) {
  std::vector<u64> x(n);
  for (u64& value : x) value = static_cast<u64>(rng.below(static_cast<std::int64_t>(q)));
  const u64 edges[] = {0, 1, q - 1, q / 2, q / 2 + 1, q - 2};
  for (std::size_t i = 0; i < n / 2; i += 7) x[i] = edges[i / 7 % 6];
  return x;
}

u64 mod(u128 x, u64 q) { return static_cast<u64>(x % q); }  // the oracle's own reduction

TEST(Word, AgreesWithTheProcessorsDivision) {
  Rng rng(1);
  for (int bits = 30; bits <= 50; ++bits) {
    const u64 q = random_prime(rng, bits, 4);
    const Modulus m = modulus(q);
    for (int i = 0; i < 2000; ++i) {
      const u64 a = rng.bits(), b = rng.bits();
      const u128 wide = static_cast<u128>(a) << 64 | b;
      EXPECT_EQ(reduce(wide, m), mod(wide, q));
      const u64 x = a & kMask52, w = b % q;
      EXPECT_EQ(multiply(x, w, shoup(w, q), q), mod(static_cast<u128>(x) * w, q));
      EXPECT_EQ(multiply(w, inverse(w, m), m), w == 0 ? 0u : 1u);
    }
    EXPECT_EQ(reduce(~u128{0}, m), mod(~u128{0}, q));
  }
  const Modulus m = modulus(97);
  EXPECT_EQ(from_signed(-1, m), 96u);
  EXPECT_EQ(from_signed(INT64_MIN, m), 97 - mod(u128{1} << 63, 97));
}

TEST(Primes, AreThoseOfTrialDivision) {
  for (u64 n = 0; n < 3000; ++n) {
    bool prime = n >= 2;
    for (u64 d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    EXPECT_EQ(is_prime(n), prime) << n;
  }
  EXPECT_FALSE(is_prime(3215031751));           // passes bases 2, 3, 5, 7
  EXPECT_FALSE(is_prime(3825123056546413051));  // passes bases up to 23
  EXPECT_TRUE(is_prime(18446744073709551557u));
}

TEST(Primes, ChainsAlternateAboutTheScale) {
  for (const auto& [log_n, levels, bits] :
       {std::tuple{13, 5, 40}, {15, 20, 45}, {16, 20, 45}, {17, 12, 30}}) {
    const PrimeChain chain = find_chain(log_n, levels, bits, 50, 3);
    std::vector<u64> all = chain.q;
    all.insert(all.end(), chain.p.begin(), chain.p.end());
    for (const u64 q : all) {
      EXPECT_TRUE(is_prime(q));
      EXPECT_EQ(q % (u64{2} << log_n), 1u);
      EXPECT_LT(q, u64{1} << 50);
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
    // Unmended, the first prime's distance would double with each level: 2^20 times at twenty
    // levels.
    for (const double scale : chain.scales) EXPECT_NEAR(scale / std::ldexp(1, bits), 1, 0.05);
  }
}

TEST(Ntt, IsTheValueAtOddPowersOfTheRoot) {
  for (const int log_n : {4, 5, 6}) {
    Rng rng(3);
    const u64 q = random_prime(rng, 40, log_n);
    const NttTable table = ntt_table(q, log_n);
    const std::size_t n = std::size_t{1} << log_n;
    std::vector<u64> x = residues(rng, n, q), want(n);
    const u64 psi = table.w[n / 2];  // bit-reversed 1
    for (std::size_t i = 0; i < n; ++i) {
      const u64 point =
          power(psi, 2 * bit_reverse(static_cast<std::uint32_t>(i), log_n) + 1, table.mod);
      u64 value = 0;
      for (std::size_t k = n; k-- > 0;) value = mod(static_cast<u128>(value) * point + x[k], q);
      want[i] = value;
    }
    for (const Kernels* kernels : usable_kernels()) {
      std::vector<u64> got = x;
      kernels->forward(got.data(), table);
      EXPECT_EQ(got, want) << kernels->name;
      kernels->inverse(got.data(), table, factor(table.n_inverse, table.mod));
      EXPECT_EQ(got, x) << kernels->name;
    }
  }
}

// Every kernel against the scalar one, on edges and random residues of random primes of 30 to 50
// bits.
class EachKernel : public testing::TestWithParam<int> {};

TEST_P(EachKernel, EqualsTheScalarOne) {
  const int log_n = GetParam();
  const std::size_t n = std::size_t{1} << log_n;
  const Kernels& want = scalar_kernels();
  Rng rng(static_cast<std::uint64_t>(log_n));
  for (int bits = 30; bits <= 50; bits += log_n > 10 ? 5 : 1) {
    const u64 q =
        bits == 50 ? find_chain(log_n, 1, 40, 50, 2).q[0] : random_prime(rng, bits, log_n);
    const NttTable table = ntt_table(q, log_n);
    const Modulus& m = table.mod;
    const std::vector<u64> a = residues(rng, n, q), b = residues(rng, n, q);
    const std::vector<u64> c = residues(rng, n, (u64{1} << 50) - 1);
    const std::vector<u64> d = residues(rng, n, u64{1} << 52);
    std::vector<double> whole(n);
    for (std::size_t i = 0; i < n; ++i) whole[i] = (i % 2 ? -1.0 : 1.0) * (c[i] * 2.0 - 1);
    const ShoupFactor f = factor(b[3], m);
    std::vector<std::uint32_t> index = automorphism_index(5, log_n);
    std::vector<const u64*> left, right, wide;
    std::vector<u64> weights;
    std::vector<double> inverses;
    for (std::size_t i = 0; i < 27; ++i) {
      left.push_back(i % 2 ? a.data() : b.data());
      right.push_back(i % 3 ? b.data() : a.data());
      wide.push_back(c.data());
      weights.push_back(i == 0 ? q - 1 : a[i % n]);
      inverses.push_back(1.0 / static_cast<double>(q + i));
    }
    // to two primes at once, the second of which is the small one's
    const Modulus small = modulus(random_prime(rng, 30, 4));
    const auto combine = [&](const Kernels& k, u64* x, std::size_t terms) {
      std::vector<u64> rest(terms), second(n);
      for (std::size_t i = 0; i < terms; ++i) rest[i] = i == 1 ? small.q - 1 : a[i % n] % small.q;
      const Weights targets[] = {
          ckks::weights({weights.begin(), weights.begin() + static_cast<long>(terms)}, m),
          ckks::weights(rest, small)};
      u64* const out[] = {x, second.data()};
      k.combine(out, wide.data(), targets, 2, n);
      for (std::size_t i = 0; i < n; ++i) x[i] += second[i] << 52 | second[i] >> 12;
    };
    using Case = std::function<void(const Kernels&, u64*)>;
    const std::pair<const char*, Case> cases[] = {
        {"forward", [&](const Kernels& k, u64* x) { k.forward(x, table); }},
        {"inverse", [&](const Kernels& k, u64* x) { k.inverse(x, table, f); }},
        {"add", [&](const Kernels& k, u64* x) { k.add(x, x, b.data(), n, m); }},
        {"subtract", [&](const Kernels& k, u64* x) { k.subtract(x, x, b.data(), n, m); }},
        {"multiply", [&](const Kernels& k, u64* x) { k.multiply(x, x, b.data(), n, m); }},
        {"multiply_add",
         [&](const Kernels& k, u64* x) { k.multiply_add(x, a.data(), b.data(), n, m); }},
        {"scale", [&](const Kernels& k, u64* x) { k.scale(x, d.data(), f, n, m); }},
        {"subtract_scale",
         [&](const Kernels& k, u64* x) { k.subtract_scale(x, x, b.data(), f, n, m); }},
        {"inner 1",
         [&](const Kernels& k, u64* x) { k.inner(x, left.data(), right.data(), 1, n, m); }},
        {"inner 27",
         [&](const Kernels& k, u64* x) { k.inner(x, left.data(), right.data(), 27, n, m); }},
        {"combine 3", [&](const Kernels& k, u64* x) { combine(k, x, 3); }},
        {"combine 8", [&](const Kernels& k, u64* x) { combine(k, x, 8); }},
        {"combine 27", [&](const Kernels& k, u64* x) { combine(k, x, 27); }},
        {"round_sum",
         [&](const Kernels& k, u64* x) { k.round_sum(x, left.data(), inverses.data(), 27, n); }},
        {"gather", [&](const Kernels& k, u64* x) { k.gather(x, a.data(), index.data(), ~0u, n); }},
        {"residues", [&](const Kernels& k, u64* x) { k.residues(x, whole.data(), n, m); }},
        {"gather of a block",
         [&](const Kernels& k, u64* x) { k.gather(x, a.data(), index.data() + n - 16, 15, 16); }},
    };
    for (const auto& [name, run] : cases) {
      std::vector<u64> reference = a;
      run(want, reference.data());
      for (const Kernels* kernels : usable_kernels()) {
        std::vector<u64> got = a;
        run(*kernels, got.data());
        ASSERT_EQ(got, reference) << name << " of " << kernels->name << ", prime " << q;
      }
    }
  }
}

// X -> X^g on coefficients is a permutation of the values, by every kernel.
TEST(Automorphism, PermutesTransformedValues) {
  for (int log_n = 4; log_n <= 11; ++log_n) {
    const u64 n = u64{1} << log_n;
    Rng rng(static_cast<std::uint64_t>(log_n));
    const NttTable table = ntt_table(random_prime(rng, 45, log_n), log_n);
    const std::vector<u64> x = residues(rng, n, table.mod.q);
    std::vector<u64> values = x;
    scalar_kernels().forward(values.data(), table);
    for (const u64 galois : {u64{1}, u64{3}, u64{5}, u64{25}, n - 1, n + 1, 2 * n - 1,
                             2 * static_cast<u64>(rng.below(static_cast<std::int64_t>(n))) + 1}) {
      std::vector<u64> want(n);
      for (u64 i = 0; i < n; ++i) {
        const u64 to = i * galois % (2 * n);
        want[to % n] = to < n ? x[i] : negate(x[i], table.mod.q);
      }
      scalar_kernels().forward(want.data(), table);
      const std::vector<std::uint32_t> index =
          automorphism_index(static_cast<std::uint32_t>(galois), log_n);
      for (const Kernels* kernels : usable_kernels()) {
        std::vector<u64> got(n);
        kernels->gather(got.data(), values.data(), index.data(), static_cast<std::uint32_t>(n - 1),
                        n);
        EXPECT_EQ(got, want) << kernels->name << ", X^" << galois << ", 2^" << log_n;
      }
    }
  }
}

// What lazy sums and butterflies grow on most: the largest primes, and residues all alike or at
// opposite ends.
TEST(Kernels, HoldAtTheLimits) {
  for (int log_n = 4; log_n <= 15; ++log_n) {
    const std::size_t n = std::size_t{1} << log_n;
    const u64 q = find_chain(log_n, 1, 40, 50, 2).q[0];
    const NttTable table = ntt_table(q, log_n);
    const Modulus& m = table.mod;
    const auto filled = [&](auto&& f) {
      std::vector<u64> x(n);
      for (std::size_t i = 0; i < n; ++i) x[i] = f(i);
      return x;
    };
    const std::vector<u64> shapes[] = {filled([&](std::size_t) { return q - 1; }),
                                       filled([&](std::size_t) { return (q - 1) / 2; }),
                                       filled([&](std::size_t) { return (q + 1) / 2; }),
                                       filled([&](std::size_t i) { return i % 2 ? q - 1 : 0; }),
                                       filled([&](std::size_t i) { return i < n / 2 ? q - 1 : 0; }),
                                       filled([&](std::size_t i) { return i == 3 ? q - 1 : 0; })};
    for (const std::vector<u64>& x : shapes)
      for (const Kernels* kernels : usable_kernels()) {
        std::vector<u64> want = x, got = x;
        scalar_kernels().forward(want.data(), table);
        kernels->forward(got.data(), table);
        ASSERT_EQ(got, want) << "forward of " << kernels->name << ", 2^" << log_n;
        kernels->inverse(got.data(), table, factor(table.n_inverse, m));
        ASSERT_EQ(got, x) << "inverse of " << kernels->name << ", 2^" << log_n;
        // of shapes that no transform of a small polynomial has
        got = want = x;
        scalar_kernels().inverse(want.data(), table, factor(q - 1, m));
        kernels->inverse(got.data(), table, factor(q - 1, m));
        ASSERT_EQ(got, want) << "inverse of " << kernels->name << ", 2^" << log_n;
      }
  }
}

TEST(Kernels, SumManyOfTheLargestProducts) {
  const std::size_t n = 64;
  const Modulus m = modulus(find_chain(6, 1, 40, 50, 2).q[0]);
  const std::vector<u64> most(n, m.q - 1), beyond(n, (u64{1} << 50) - 1), none(n, 0);
  for (const std::size_t terms : {1u, 4u, 5u, 8u, 9u, 16u, 17u, 32u, 128u})
    for (const Kernels* kernels : usable_kernels()) {
      std::vector<const u64*> a(terms, most.data());
      std::vector<u64> got(n), second(n);
      kernels->inner(got.data(), a.data(), a.data(), terms, n, m);
      EXPECT_EQ(got, std::vector<u64>(n, terms)) << kernels->name;  // of (-1)^2
      for (const std::vector<u64>& y : {beyond, none})
        for (const u64 w : {m.q - 1, m.q / 2, m.q / 2 + 1, u64{0}}) {
          a.assign(terms, y.data());
          const Weights targets[] = {weights(std::vector<u64>(terms, w), m),
                                     weights(std::vector<u64>(terms, 96), modulus(97))};
          u64* const out[] = {got.data(), second.data()};
          kernels->combine(out, a.data(), targets, 2, n);
          const u64 want = mod(static_cast<u128>(y[0]) * w % m.q * terms, m.q);
          EXPECT_EQ(got, std::vector<u64>(n, want)) << kernels->name << ", " << terms;
          EXPECT_EQ(second, std::vector<u64>(n, mod(static_cast<u128>(y[0]) * 96 * terms, 97)));
        }
    }
}

// Residues of any width come back from as many bits, by each kernel, from wherever a block begins.
TEST(Packed, HoldsResiduesInTheBitsOfTheirPrimes) {
  Rng rng(12);
  const std::size_t n = 128;
  for (int bits = 16; bits <= 50; ++bits) {
    const u64 first = bits == 50 ? find_chain(7, 1, 40, 50, 2).q[0] : random_prime(rng, bits, 4),
              second = random_prime(rng, 30, 7);
    NttTable tables[2];
    tables[0].mod = modulus(first);
    tables[1].mod = modulus(second);
    const NttTable* const of[] = {&tables[0], &tables[1]};
    Poly poly(2, n);
    for (std::size_t i = 0; i < 2; ++i)
      std::ranges::copy(residues(rng, n, of[i]->mod.q), poly.limb(i));
    const PackedPoly packed(poly, of);
    EXPECT_TRUE(packed.is(2, n));
    EXPECT_LE(packed.bytes(), n / 8 * static_cast<std::size_t>(bits + 30) + 64);
    EXPECT_EQ(packed.unpacked(), poly);
    for (const Kernels* kernels : usable_kernels())
      for (std::size_t i = 0; i < 2; ++i)
        for (const std::size_t from : {0u, 16u, 96u}) {
          std::vector<u64> got(32);
          packed.read(*kernels, i, from, 32, got.data());
          EXPECT_TRUE(std::equal(got.begin(), got.end(), poly.limb(i) + from))
              << kernels->name << ", " << bits << " bits, from " << from;
        }
  }
}

TEST(LargePages, AreAskedForOfWhatHoldsThemWhole) {
  std::vector<std::uint8_t> bytes(std::size_t{5} << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i >> 5);
  const std::vector<std::uint8_t> before = bytes;
  for (const std::size_t from : {0u, 1u, 4096u, 1u << 20})
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 21,
                                   (std::size_t{1} << 22) - 1, bytes.size() - from})
      if (from + size <= bytes.size()) in_large_pages(bytes.data() + from, size);
  in_large_pages(nullptr, 0);
  EXPECT_EQ(bytes, before);
}

TEST(EmbeddingStages, EqualTheScalarOnesToTheLastBit) {
  Rng rng(6);
  for (const std::size_t n : {16u, 32u, 64u, 256u}) {
    std::vector<double> x(2 * n), w1(n), w2(n);
    for (std::vector<double>* values : {&x, &w1, &w2})
      for (double& value : *values) value = 2 * rng.uniform() - 1;
    using Case = std::function<void(const EmbeddingStages&, double*)>;
    for (std::size_t s = 1; s <= n / 2; s *= 2) {
      const bool wide = s >= 4, far = (s == 1 || wide) && n / s >= 8;
      const Case cases[] = {
          [&](const EmbeddingStages& e, double* y) { e.fold2(x.data(), y, w1.data(), n, s); },
          [&](const EmbeddingStages& e, double* y) { e.unfold2(x.data(), y, w1.data(), n, s); },
          [&](const EmbeddingStages& e, double* y) {
            e.fold4(x.data(), y, w1.data(), w2.data(), n, s);
          },
          [&](const EmbeddingStages& e, double* y) {
            e.unfold4(x.data(), y, w1.data(), w2.data(), n, s);
          }};
      for (std::size_t c = 0; c < 4; ++c) {
        if (c < 2 ? !wide : !far) continue;
        std::vector<double> want(2 * n), got(2 * n);
        cases[c](scalar_embedding(), want.data());
        for (const Kernels* kernels : usable_kernels()) {
          cases[c](*kernels->embedding, got.data());
          EXPECT_EQ(got, want) << kernels->name << ", case " << c << ", " << n << " by " << s;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, EachKernel, testing::Values(4, 5, 6, 7, 8, 11, 12, 13, 14));

}  // namespace
}  // namespace pliant::ckks
