// Keys and values in fewer bits: rows, and attention over a cache of them.
#include "machine/native/kv/row_code.h"

#include <cmath>
#include <limits>

#include "machine/native/kv/tiny.h"

namespace pliant::kv {
namespace {

std::vector<float> normal_row(std::int64_t width, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x;
  for (std::int64_t i = 0; i < width; ++i) x.push_back(static_cast<float>(rng.normal()));
  return x;
}

std::vector<float> through(const RowCode& code, const std::vector<float>& x) {
  std::vector<std::byte> bytes(code.bytes());
  std::vector<float> back(x.size());
  code.write(x.data(), bytes.data());
  code.read(bytes.data(), back.data());
  return back;
}

double norm(const std::vector<float>& x) {
  double sum = 0;
  for (const float each : x) sum += static_cast<double>(each) * static_cast<double>(each);
  return std::sqrt(sum);
}

// of what the row becomes
double relative_error(const RowCode& code, const std::vector<float>& x) {
  std::vector<float> error = through(code, x);
  for (std::size_t i = 0; i < x.size(); ++i) error[i] -= x[i];
  return norm(error) / norm(x);
}

TEST(RowCode, ARotationIsItsOwnInverseAndKeepsLengthsForEveryWidth) {
  for (const std::int64_t width : {1, 2, 3, 4, 7, 12, 64, 96, 128, 1000}) {
    const std::vector<float> x = normal_row(width, 3);
    std::vector<float> y = x;
    rotate(y.data(), width);
    EXPECT_NEAR(norm(y), norm(x), 1e-5 * norm(x)) << width;
    rotate(y.data(), width);
    for (std::int64_t i = 0; i < width; ++i) EXPECT_NEAR(y[i], x[i], 1e-5) << width;
  }
}

// Of 96 elements the first 64 and the last 32 do not mix; a unit vector becomes even magnitudes.
TEST(RowCode, ARotationSpreadsAUnitVectorOverItsBlock) {
  std::vector<float> x(96);
  x[70] = 1;
  rotate(x.data(), 96);
  for (std::int64_t i = 0; i < 96; ++i)
    EXPECT_NEAR(std::abs(x[i]), i < 64 ? 0 : 1 / std::sqrt(32.0), 1e-6) << i;
}

TEST(RowCode, BytesAreAsFewAsTheTypesSay) {
  EXPECT_EQ(RowCode(CacheType::f32, true, 64).bytes(), 256);
  EXPECT_EQ(RowCode(CacheType::bf16, true, 64).bytes(), 128);
  EXPECT_EQ(RowCode(CacheType::int8, true, 64).bytes(), 68);
  EXPECT_EQ(RowCode(CacheType::int4, true, 64).bytes(), 36);
  EXPECT_EQ(RowCode(CacheType::int4, true, 33).bytes(), 36);  // whole blocks
}

TEST(RowCode, RowsComeBackWithinAStepOfTheirBlock) {
  for (const std::int64_t width : {12, 32, 64, 80, 128})
    for (const float size : {1e-3F, 1.0F, 1e4F}) {
      std::vector<float> x = normal_row(width, width);
      for (float& each : x) each *= size;
      EXPECT_LT(relative_error(RowCode(CacheType::int8, true, width), x), 0.008) << width;
      EXPECT_LT(relative_error(RowCode(CacheType::int4, false, width), x), 0.12) << width;
      EXPECT_LT(relative_error(RowCode(CacheType::int4, true, width), x), 0.12) << width;
    }
}

TEST(RowCode, WhatStandsOutDoesNotDrownTheRestOfATurnedRow) {
  std::vector<float> x = normal_row(64, 9);
  x[5] = 30;
  x[40] = -30;
  const auto rest = [&](bool turned) {
    std::vector<float> error = through(RowCode(CacheType::int4, turned, 64), x);
    for (std::size_t i = 0; i < x.size(); ++i) error[i] -= x[i];
    error[5] = error[40] = 0;
    return norm(error);
  };
  EXPECT_LT(rest(true), 0.75 * rest(false));
}

TEST(RowCode, StructuredRowsSurvive) {
  const std::vector<float> zeros(64), same(64, 0.75F);
  std::vector<float> one(64), huge(64, 3e38F);
  one[17] = -5;
  huge[3] = -3e38F;
  for (const CacheType type : {CacheType::int8, CacheType::int4})
    for (const bool turned : {false, true}) {
      const RowCode code(type, turned, 64);
      EXPECT_EQ(through(code, zeros), zeros) << name(type);
      EXPECT_LT(relative_error(code, same), 0.01) << name(type);
      // turned, it is of one size and two signs; the larger side of Q4_0's codes has 8 steps, the
      // other 7
      EXPECT_LT(relative_error(code, one), code.rotated() ? 0.09 : 0.02) << name(type);
      for (const float each : through(code, huge)) EXPECT_TRUE(std::isfinite(each)) << name(type);
    }
}

TEST(RowCode, WhatIsNoNumberStaysInItsBlockUnlessTurned) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()})
    for (const auto& [type, turned] :
         {std::pair(CacheType::int8, true), std::pair(CacheType::int4, false)}) {
      std::vector<float> x = normal_row(64, 4);
      x[33] = bad;
      const std::vector<float> back = through(RowCode(type, turned, 64), x);
      for (std::int64_t i = 0; i < 64; ++i) EXPECT_EQ(std::isnan(back[i]), i >= 32) << i;
    }
}

TEST(RowCode, NamesAreRead) {
  for (int i = 0; i < cache_type_count; ++i) {
    const auto type = static_cast<CacheType>(i);
    EXPECT_EQ(cache_type_from_name(name(type)), type);
  }
  EXPECT_EQ(thrown_by([] { cache_type_from_name("int3"); }).kind(), ErrorKind::invalid);
}

struct Case {
  CacheTypes types;
  double tolerance;  // of hidden states of magnitude 1 or so, behind two layers
};

std::vector<Case> cases() {
  using enum CacheType;
  return {{{int8, int8}, 0.05}, {{int4, int4}, 0.8},        {{int8, int4}, 0.6},
          {{int4, f16}, 0.6},   {{int4, int4, false}, 0.8}, {{f32, int8}, 0.05}};
}

std::string name_of(const CacheTypes& types) {
  return std::string(name(types.key)) + ", " + std::string(name(types.value)) +
         (types.rotate ? "" : ", not turned");
}

TEST(EncodedCache, AttentionStaysCloseToF32InEveryProgram) {
  const auto tokens = text(90);
  for (const std::int64_t rows : {16, 40}) {
    Runner runner({.windows = {0, 24}}, rows);
    Cache plain = runner.cache({.context = 96});
    const Outputs wanted = runner.feed(plain, plain.open(full()), tokens, 30 % rows);
    for (const auto& [types, tolerance] : cases()) {
      SCOPED_TRACE(name_of(types));
      Cache cache = runner.cache({types, 1, 96});
      const Outputs got = runner.feed(cache, cache.open(full()), tokens, 30 % rows);
      EXPECT_LT(distance(got, wanted), tolerance);
      EXPECT_GT(distance(got, wanted), 0);
    }
  }
}

// Numeric class: how a text was cut, its neighbours and threads change nothing.
TEST(EncodedCache, BitsDoNotDependOnRowsNeighboursOrThreads) {
  const auto tokens = text(80), other = text(30, 5);
  for (const std::int64_t rows : {16, 40})
    for (const auto& [types, tolerance] : cases()) {
      SCOPED_TRACE(name_of(types));
      Runner alone({}, rows), many({}, rows, 3);
      Cache one = alone.cache({types, 2, 96}), two = many.cache({types, 2, 96});
      const Outputs wanted = alone.feed(one, one.open(full()), tokens, 1);
      two.open(full());
      const SeqId neighbour = two.open(full());
      const SeqId id = two.open_sequences().front();
      Outputs got;
      for (std::size_t i = 0; i < tokens.size(); i += 8) {
        const auto from = tokens.begin() + static_cast<std::ptrdiff_t>(i);
        std::vector<std::pair<SeqId, std::vector<std::int64_t>>> runs{{id, {from, from + 8}}};
        if (i < 24) runs.insert(runs.begin(), {neighbour, {other.begin(), other.begin() + 8}});
        const Outputs all = many.step(two, runs);
        for (auto& row : tail(all, all.size() - 8)) got.push_back(row);
      }
      EXPECT_TRUE(same_bits(got, wanted)) << rows;
    }
}

TEST(EncodedCache, WhatIsNoNumberDoesNotReachRowsThatDoNotSeeIt) {
  auto tokens = text(90);
  tokens[10] = -1;
  for (const std::int64_t rows : {16, 40})
    for (const auto& [types, tolerance] : cases()) {
      SCOPED_TRACE(name_of(types));
      Runner runner({.heads = {4}, .key_heads = {2}, .windows = {20}}, rows);
      Cache cache = runner.cache({types, 1, 96});
      const Outputs got = runner.feed(cache, cache.open(full()), tokens, 8);
      for (std::size_t r = 0; r < got.size(); ++r)
        EXPECT_EQ(std::isnan(got[r][0]), r >= 10 && r < 30) << r;
    }
}

// Drops every third entry and merges the first two.
class Thin : public ChainEditor {
 public:
  std::string_view name() const override { return "thin"; }
  bool observes() const override { return true; }
  void edit_chain(const Chain& chain, std::span<Fate> fates) const override {
    if (chain.size() > 6) merge_into(fates, 1, 0);
    for (std::int64_t i = 4; chain.prompt_end() && i < chain.size(); i += 3) fates[i].keep = false;
  }
};

TEST(EncodedCache, EditorsMergeAsWithF32) {
  const auto tokens = text(60), rest = text(6, 2);
  const Policy policy = edited(std::make_shared<Thin>());
  Runner runner({}, 16);
  const auto run = [&](const CacheTypes& types) {
    Cache cache = runner.cache({types, 1, 96});
    const SeqId id = cache.open(policy);
    runner.feed(cache, id, tokens, 12);
    Outputs result = runner.feed(cache, id, rest, 2);
    cache.check();
    return result;
  };
  const Outputs wanted = run({});
  for (const auto& [types, tolerance] : cases())
    EXPECT_LT(distance(run(types), wanted), 2 * tolerance) << name_of(types);
}

}  // namespace
}  // namespace pliant::kv
