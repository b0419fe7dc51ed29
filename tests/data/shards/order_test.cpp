#include "data/shards/order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/rng.h"

namespace pliant::data {
namespace {

TEST(Permutation, GivesEachIndexOnce) {
  for (std::int64_t count = 1; count <= 300; ++count) {
    const Permutation order(count, count);
    std::vector<bool> seen(count);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = order(i);
      ASSERT_TRUE(at >= 0 && at < count);
      ASSERT_FALSE(seen[at]) << count;
      seen[at] = true;
    }
  }
}

// Each of 12 items stands at each place about equally often: 143 values are free, so that chi
// squared is 143 with a standard deviation of 17.
TEST(Permutation, IsUniform) {
  constexpr std::int64_t count = 12, keys = 12000;
  std::vector<double> times(count * count);
  for (std::int64_t key = 0; key < keys; ++key) {
    const Permutation order(count, key);
    for (std::int64_t i = 0; i < count; ++i) times[i * count + order(i)] += 1;
  }
  double chi = 0;
  for (const double each : times) chi += std::pow(each - keys / count, 2) / (keys / count);
  EXPECT_LT(chi, 143 + 5 * 17);
}

TEST(Turns, KeepProportionsAtEveryMoment) {
  Rng rng(5);
  for (int run = 0; run < 300; ++run) {
    const std::int64_t count = rng.between(1, 8);
    std::vector<double> weights;
    for (std::int64_t i = 0; i < count; ++i)
      weights.push_back(rng.below(3) == 0 ? 1.0 : std::exp(4 * rng.normal()));
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const Turns turns(weights);
    std::vector<std::int64_t> had(count);
    const double most = count == 1 ? 0 : 1 - 1.0 / (2.0 * static_cast<double>(count) - 2);
    for (int n = 1; n <= 400; ++n) {
      ++had[turns.next(had)];
      for (std::int64_t i = 0; i < count; ++i)
        ASSERT_LE(std::abs(static_cast<double>(had[i]) - n * weights[i] / sum), most + 1e-9)
            << "run " << run << ", turn " << n << ", sharer " << i << " of " << count;
    }
  }
}

}  // namespace
}  // namespace pliant::data
