// The carried bounds against the measured error, over long random walks; and what loops allocate.
#include <gtest/gtest.h>

#include "allocations.h"
#include "machine/encrypted/ckks/walk.h"

namespace pliant::ckks {
namespace {

// In builds that check as they go (no NDEBUG: debug, sanitized) a twentieth of the walk.
// bench-bounds walks further.
#ifdef NDEBUG
constexpr int kOperations = 3000;
#else
constexpr int kOperations = 150;
#endif

TEST(Bound, HoldsOverRandomOperations) {
  struct Set {
    int log_n, levels, bits, digits;
    double share;
  };
  int checked = 0;
  for (const Set& set : {Set{4, 3, 40, 2, 0.2},
                         {5, 4, 30, 3, 0.2},
                         {6, 3, 45, 4, 0.2},
                         {7, 2, 35, 1, 0.2},
                         {12, 3, 40, 3, 0.85},
                         {13, 4, 45, 2, 0.1},
                         {14, 3, 40, 4, 0.03},
                         {15, 3, 40, 3, 0.02}}) {
    Walk walk(small(set.log_n, set.levels, set.bits, set.digits),
              static_cast<std::uint64_t>(set.log_n + 100 * GTEST_FLAG_GET(random_seed)));
    while (walk.checked() < set.share * kOperations) walk.step();
    EXPECT_LE(walk.worst(), 1) << "N = 2^" << set.log_n;
    EXPECT_LE(walk.likely(), 1) << "N = 2^" << set.log_n;
    EXPECT_GT(walk.likely(), 0.05) << "the bound says nothing at N = 2^" << set.log_n;
    if (set.log_n >= 12) checked += walk.checked();
  }
  EXPECT_GE(checked, kOperations);
}

TEST(Loops, DoNotAllocate) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    Scheme s(small(12, 4), &pool);
    s.rotations({1});
    Rng rng(1);
    const auto x = random_slots(rng, 2048);
    const Ciphertext a = s.encrypt(x);
    const Plaintext plain = s.encoder.encode(x);
    Raised raised;
    Extended extended;
    Ciphertext product, sum, rotated, hoisted, scaled, lower;
    const auto loop = [&] {
      s.evaluator.rotate(a, 1, s.keys, rotated);
      s.evaluator.raise(a, raised);
      s.evaluator.rotate_raised(a, raised, 1, s.keys, hoisted);
      s.evaluator.rotate_extended(a, raised, 1, s.keys, extended);
      s.evaluator.add(a, rotated, sum);
      s.evaluator.multiply(a, sum, product);
      s.evaluator.relinearize_rescale(product, s.keys, product);
      s.evaluator.multiply(a, plain, scaled);
      s.evaluator.rescale(scaled, scaled);
      s.evaluator.adjust(a, 2, lower);
    };
    loop();
    const long before = allocations();
    for (int i = 0; i < 3; ++i) loop();
    EXPECT_EQ(allocations() - before, 0) << threads << " threads";
  }
}

}  // namespace
}  // namespace pliant::ckks
