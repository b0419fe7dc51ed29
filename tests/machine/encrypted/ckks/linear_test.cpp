#include "machine/encrypted/ckks/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include "allocations.h"
#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

Diagonals random_diagonals(Rng& rng, std::size_t slots, const std::vector<int>& offsets) {
  Diagonals diagonals;
  for (const int offset : offsets) diagonals[offset] = random_slots(rng, slots);
  return diagonals;
}

Slots plain_product(const Diagonals& diagonals, const Slots& x) {
  const auto n = static_cast<int>(x.size());
  Slots y(x.size());
  for (const auto& [offset, values] : diagonals)
    for (int k = 0; k < n; ++k) y[k] += values[k] * x[((k + offset) % n + n) % n];
  return y;
}

TEST(Linear, EqualsThePlainProductForEveryStepAndSplit) {
  Scheme s(small(8, 3));
  Rng rng(1);
  const Slots x = random_slots(rng, 128);
  const Ciphertext a = s.encrypt(x, 2);
  for (const std::vector<int>& offsets : {std::vector<int>{0},
                                          {5},
                                          {0, 1, 2, 3, 4, 5, 6, 7},
                                          {-3, -2, -1, 0, 1, 2, 3},
                                          {0, 9, 18, 27, 36, 63},
                                          {2, 33, 64}}) {
    const Diagonals diagonals = random_diagonals(rng, 128, offsets);
    const Slots want = plain_product(diagonals, x);
    for (const int babies : {0, 1, 2, 3, 8, 64}) {
      const LinearTransform transform(s.context, s.encoder, diagonals,
                                      {.level = 2, .babies = babies});
      EXPECT_EQ(transform.offsets(), offsets);
      KeySet keys;
      for (const int steps : transform.rotations())
        keys.add(s.generator.rotation_key(s.secret, steps, 2));
      Ciphertext out;
      transform.apply(a, s.evaluator, keys, out);
      EXPECT_EQ(out.level, 1);
      EXPECT_EQ(out.scale, s.context.scale(1));
      EXPECT_LE(s.error(out, want), 1) << offsets.size() << " diagonals, " << babies << " babies";
      EXPECT_LT(out.error(), 1e-4);
      for (const int steps : offsets) keys.add(s.generator.rotation_key(s.secret, steps, 2));
      transform.apply_single_hoisted(a, s.evaluator, keys, out);
      EXPECT_LE(s.error(out, want), 1);
    }
  }
}

TEST(Linear, ChoosesFewRotations) {
  Scheme s(small(8, 1));
  Rng rng(2);
  std::vector<int> offsets;
  for (int i = 0; i < 64; ++i) offsets.push_back(2 * i);
  const LinearTransform transform(s.context, s.encoder, random_diagonals(rng, 128, offsets));
  EXPECT_LE(transform.rotations().size(), 18u);  // 64 = 16 babies x 4 giants
  for (const int steps : transform.rotations()) EXPECT_EQ(steps % 2, 0);
}

TEST(Linear, DoesNotAllocateInAWorkspace) {
  ThreadPool pool(2);
  Scheme s(small(11, 3), &pool);
  Rng rng(5);
  const Ciphertext a = s.encrypt(random_slots(rng, 1024));
  const LinearTransform transform(
      s.context, s.encoder, random_diagonals(rng, 1024, {0, 1, 2, 3, 4, 5, 6, 7}), {.babies = 3});
  for (const int steps : transform.rotations())
    s.keys.add(s.generator.rotation_key(s.secret, steps));
  LinearWorkspace work;
  Ciphertext out, again;
  transform.apply(a, s.evaluator, s.keys, work, out);
  transform.apply(a, s.evaluator, s.keys, work, again);
  const long before = allocations();
  transform.apply(a, s.evaluator, s.keys, work, again);
  EXPECT_EQ(allocations() - before, 0);
  for (std::size_t p = 0; p < 2; ++p) EXPECT_EQ(out.part[p], again.part[p]);
  EXPECT_EQ(out.noise, again.noise);
}

TEST(Linear, IsTheSameOnEveryThreadCount) {
  std::vector<Poly> first;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    Scheme s(small(11, 2), &pool);
    Rng rng(3);
    const Slots x = random_slots(rng, 1024);
    const Diagonals diagonals = random_diagonals(rng, 1024, {0, 1, 2, 3, 4, 5});
    const LinearTransform transform(s.context, s.encoder, diagonals);
    for (const int steps : transform.rotations())
      s.keys.add(s.generator.rotation_key(s.secret, steps));
    Ciphertext out;
    transform.apply(s.encrypt(x), s.evaluator, s.keys, out);
    EXPECT_LE(s.error(out, plain_product(diagonals, x)), 1);
    if (first.empty())
      for (std::size_t p = 0; p < 2; ++p) first.push_back(out.part[p].copy());
    for (std::size_t p = 0; p < 2; ++p) EXPECT_EQ(out.part[p], first[p]);
  }
}

// Rotation by all slots is none: it needs no key, and adds to the diagonal 0.
TEST(Linear, TakesOffsetsModuloTheSlots) {
  Scheme s(small(8, 2));
  Rng rng(6);
  const Slots x = random_slots(rng, 128);
  constexpr int low = std::numeric_limits<int>::min(), high = std::numeric_limits<int>::max();
  const std::pair<std::vector<int>, std::vector<int>> cases[] = {
      {{0, 128}, {0}},
      {{-128, 0, 128, 256}, {0}},
      {{0, 1, 127}, {-1, 0, 1}},
      {{0, 1, 50'000'021}, {0, 1, 21}},
      {{low, 0, high}, {-1, 0}},
      {{123}, {-5}},
      {{64}, {64}},
      {{low}, {0}},
      {{100, 101, 102}, {-28, -27, -26}}};
  for (const auto& [offsets, want] : cases) {
    const Diagonals diagonals = random_diagonals(rng, 128, offsets);
    Diagonals small;  // what the plain product can add without overflow
    for (const auto& [offset, values] : diagonals) {
      Slots& sum = small.try_emplace(offset % 128, Slots(128)).first->second;
      for (std::size_t k = 0; k < 128; ++k) sum[k] += values[k];
    }
    const LinearTransform transform(s.context, s.encoder, diagonals);
    EXPECT_EQ(transform.offsets(), want);
    KeySet keys;
    for (const int steps : transform.rotations()) {
      EXPECT_NE(steps, 0);
      keys.add(s.generator.rotation_key(s.secret, steps));
    }
    Ciphertext out;
    transform.apply(s.encrypt(x), s.evaluator, keys, out);
    EXPECT_LE(s.error(out, plain_product(small, x)), 1);
    EXPECT_LT(out.error(), 1e-4);
  }
}

// Half of the slots apart, of many: the count of babies is not found by trying all.
TEST(Linear, FindsASplitOfFarOffsetsQuickly) {
  Scheme s(small(15, 1));
  const Slots ones(s.context.slots(), 1);
  Diagonals diagonals;
  for (const int offset : {0, 1, 2, 5000, 5001, 5002, 8000, 8001, 8002}) diagonals[offset] = ones;
  timespec before{}, after{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  const LinearTransform transform(s.context, s.encoder, diagonals);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  EXPECT_LE(transform.rotations().size(), 4u);  // three babies, three giant steps
  EXPECT_LT(after.tv_sec - before.tv_sec, 3);
}

TEST(Linear, Refuses) {
  Scheme s(small(6, 2));
  Rng rng(4);
  const Slots x = random_slots(rng, 32);
  const auto build = [&](const Diagonals& d, const LinearOptions& o = {}) {
    return error_of([&] { LinearTransform(s.context, s.encoder, d, o); });
  };
  const auto says = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  says(build({}), "no diagonals");
  says(build({{0, x}, {1, Slots(16)}}), "diagonal 1 has 16 values, diagonal 0 has 32");
  says(build({{0, x}, {3, x}}, {.step = 2}),
       "offsets 3 and 0 do not differ by a multiple of the step 2");
  says(build({{0, Slots(24)}}), "24 values, which is not a power of two up to the 32 slots");
  says(build({{0, Slots(64)}}), "64 values");
  says(build({{0, Slots()}}), "0 values");
  says(build({{0, x}}, {.level = -2}), "level -2 is not between 1 and 2");
  says(build({{0, x}}, {.level = 0}), "level 0 is not between 1 and 2");
  says(build({{0, x}}, {.level = 3}), "level 3 is not between 1 and 2");
  says(build({{0, x}}, {.level = -5}), "level -5 is not between 1 and 2");
  const LinearTransform transform(s.context, s.encoder, {{0, x}, {1, x}});
  Ciphertext out;
  says(error_of([&] { transform.apply(s.encrypt(x, 1), s.evaluator, s.keys, out); }),
       "level 1, diagonals of level 2");
  says(error_of([&] { transform.apply(s.encrypt(x), s.evaluator, s.keys, out); }),
       "no key for rotation by 1 at level 2");
}

}  // namespace
}  // namespace pliant::ckks
