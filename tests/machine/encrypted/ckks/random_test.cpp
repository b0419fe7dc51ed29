#include "machine/encrypted/ckks/context/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace pliant::ckks {
namespace {

constexpr Seed kSeed{1, 2, 3};
constexpr std::size_t kCount = 200000;

TEST(Stream, IsChaCha20OfItsSeedAndNumberAlone) {
  // The first block for a zero key and nonce, as published with the cipher.
  RandomStream zero(Seed{}, 0);
  EXPECT_EQ(zero.bits(), 0x903df1a0ade0b876u);
  EXPECT_EQ(zero.bits(), 0x28bd8653e56a5d40u);
  RandomStream a(kSeed, 1), b(kSeed, 1), c(kSeed, 2);
  bool differs = false;
  for (int i = 0; i < 2000; ++i) {  // beyond one buffer
    const u64 value = a.bits();
    EXPECT_EQ(value, b.bits());
    differs = differs || value != c.bits();
  }
  EXPECT_TRUE(differs);
  EXPECT_NE(fresh_seed(), fresh_seed());
}

// Chi-squared of counts against expectations, over its degrees of freedom.
double chi_squared(const std::map<std::int64_t, double>& counts,
                   const std::map<std::int64_t, double>& expected) {
  double sum = 0;
  for (const auto& [value, want] : expected) {
    const auto found = counts.find(value);
    const double difference = (found == counts.end() ? 0 : found->second) - want;
    sum += difference * difference / want;
  }
  return sum / static_cast<double>(expected.size() - 1);
}

TEST(Samplers, UniformResiduesFillTheirRangeEvenly) {
  for (const u64 q : {97u, 1073479681u}) {
    RandomStream stream(kSeed, q);
    std::vector<u64> values(kCount);
    sample_uniform(stream, values, modulus(q));
    std::map<std::int64_t, double> counts, expected;
    for (const u64 v : values) {
      ASSERT_LT(v, q);
      ++counts[static_cast<std::int64_t>(v * 97 / q)];
    }
    for (int bin = 0; bin < 97; ++bin) expected[bin] = kCount / 97.0;
    EXPECT_LT(chi_squared(counts, expected), 1.6);  // 96 degrees: 1 +- 0.14
  }
}

TEST(Samplers, TernaryIsUniform) {
  RandomStream stream(kSeed, 5);
  std::vector<std::int64_t> values(kCount);
  sample_ternary(stream, values);
  std::map<std::int64_t, double> counts;
  for (const std::int64_t v : values) ++counts[v];
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_LT(chi_squared(counts, {{-1, kCount / 3.0}, {0, kCount / 3.0}, {1, kCount / 3.0}}), 7);
}

TEST(Samplers, ErrorsAreCentredBinomial) {
  RandomStream stream(kSeed, 6);
  std::vector<std::int64_t> values(kCount);
  sample_error(stream, values);
  std::map<std::int64_t, double> counts, expected;
  double mean = 0, square = 0;
  for (const std::int64_t v : values) {
    ++counts[v];
    mean += static_cast<double>(v) / kCount;
    square += static_cast<double>(v * v) / kCount;
    ASSERT_LE(std::abs(v), 21);
  }
  EXPECT_NEAR(mean, 0, 0.03);
  EXPECT_NEAR(std::sqrt(square), kErrorDeviation, 0.03);
  for (int v = -12; v <= 12; ++v)  // C(42, 21 + v) / 2^42
    expected[v] = kCount * std::exp(std::lgamma(43) - std::lgamma(22 + v) - std::lgamma(22 - v) -
                                    42 * std::log(2));
  EXPECT_LT(chi_squared(counts, expected), 2.2);  // 24 degrees: 1 +- 0.29
}

// Also far beyond 2^53, where doubles are multiples of powers of two: no low bit is left bare.
TEST(Samplers, NormalIntegersHaveTheirDeviationAndAllLowBits) {
  for (const double deviation : {0.0, 1000.0, 0x1p19, 0x1p21, 0x1p40, 0x1p57, 0x1p80, 0x1.9p89}) {
    RandomStream stream(kSeed, 7);
    const NormalSampler sampler(deviation);
    double square = 0, mean = 0;
    std::map<std::int64_t, double> low, high, even;
    for (std::size_t i = 0; i < kCount / 4; ++i) {
      const i128 value = sampler.draw(stream);
      const double v = static_cast<double>(value) / std::max(deviation, 1.0);
      square += v * v / (kCount / 4);
      mean += v / (kCount / 4);
      ++low[static_cast<std::int64_t>(value & 7)];
      ++high[static_cast<std::int64_t>(std::llround(std::clamp(2 * v, -5.0, 5.0)))];
    }
    if (deviation == 0) {
      EXPECT_EQ(square, 0);
      continue;
    }
    EXPECT_NEAR(std::sqrt(square), 1, 0.01) << deviation;
    EXPECT_NEAR(mean, 0, 0.02) << deviation;
    for (int bits = 0; bits < 8; ++bits) even[bits] = kCount / 32.0;
    EXPECT_LT(chi_squared(low, even), 4) << deviation;  // 7 degrees: 1 +- 0.53
    std::map<std::int64_t, double> normal;
    const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
    for (int half = -4; half <= 4; ++half)
      normal[half] = kCount / 4.0 * (below(half / 2.0 + 0.25) - below(half / 2.0 - 0.25));
    EXPECT_LT(chi_squared(high, normal), 4) << deviation;
  }
}

TEST(Hashes, AreBlake2b) {
  // BLAKE2b-256 of "abc".
  const std::string text = "abc";
  const Hash hash = blake2b(std::as_bytes(std::span(text)));
  EXPECT_EQ(hash[0], 0xbd);
  EXPECT_EQ(hash[1], 0xdd);
  EXPECT_EQ(hash[2], 0x81);
  EXPECT_EQ(hash[31], 0x19);
}

}  // namespace
}  // namespace pliant::ckks
