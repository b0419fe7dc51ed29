#include "search/evolution/accuracy.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "models/elasticvit/golden.h"
#include "search/windows.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

TEST(KendallTau, CountsPairsInOrder) {
  const std::vector<double> a{1, 2, 3, 4}, b{4, 3, 2, 1}, swapped{1, 3, 2, 4}, same{5, 5, 5, 5};
  EXPECT_EQ(kendall_tau(a, a), 1);
  EXPECT_EQ(kendall_tau(a, b), -1);
  EXPECT_DOUBLE_EQ(kendall_tau(a, swapped), 4.0 / 6);
  EXPECT_EQ(kendall_tau(a, same), 0);
}

// More accurate with every choice's size, by steps that a line in FLOPs does not have.
double accuracy(const Architecture& subnet) {
  double value = static_cast<double>(subnet.resolution) / 64;
  for (std::size_t i = 0; i < subnet.stages.size(); ++i) {
    value += static_cast<double>(subnet.stages[i].depth) / static_cast<double>(i + 1);
    value -= 0.02 * static_cast<double>(subnet.stages[i].width);
    value += 0.3 * static_cast<double>(subnet.stages[i].inner.second);
  }
  return value;
}

TEST(AccuracyPredictor, OrdersSubnetsThatItHasNotSeen) {
  const elasticvit::Space space = elasticvit::toy_space("toy_a");
  const Flops flops(space);
  const Windows windows(flops, 1 << 12);
  const Window all = windows.within(0, windows.most());
  Rng rng(1);
  std::vector<Evaluated> seen, held_out;
  for (int i = 0; i < 400; ++i) {
    const Architecture subnet = all.draw(rng);
    (i < 300 ? seen : held_out).push_back({subnet, accuracy(subnet) + 0.05 * rng.normal()});
  }
  const AccuracyPredictor predictor(space, seen);
  std::vector<double> wanted, got, by_flops;
  for (const Evaluated& each : held_out) {
    wanted.push_back(each.value);
    got.push_back(predictor.predict(each.architecture));
    by_flops.push_back(flops.predict(each.architecture));
  }
  EXPECT_GT(kendall_tau(wanted, got), 0.9);
  EXPECT_LT(kendall_tau(wanted, by_flops), 0.7);
  EXPECT_EQ(error_of([&] { AccuracyPredictor(space, std::span(seen).first(1)); }),
            "accuracy predictor: needs two subnets to learn from, and a penalty");
}

}  // namespace
}  // namespace pliant::search
