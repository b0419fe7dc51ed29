#include "plan/sweep.h"

#include <gtest/gtest.h>

namespace pliant::plan {
namespace {

using Bytes = std::vector<std::int64_t>;

TEST(Sweep, SizesAreSpreadEvenly) {
  EXPECT_EQ(spread_sizes(10, 50, 5, 1), (Bytes{10, 20, 30, 40, 50}));
  EXPECT_EQ(spread_sizes(10, 50, 1, 1), (Bytes{10}));
  EXPECT_EQ(spread_sizes(10, 50, 2, 1), (Bytes{10, 50}));
  EXPECT_EQ(spread_sizes(10, 50, 5, 16), (Bytes{16, 32, 48, 64}));  // rounded up, equal ones once
  EXPECT_EQ(spread_sizes(7, 9, 10, 1), (Bytes{7, 8, 9}));
  EXPECT_EQ(spread_sizes(7, 7, 3, 1), (Bytes{7}));
  EXPECT_EQ(spread_sizes(1, std::int64_t{1} << 62, 2, 1).back(), std::int64_t{1} << 62);
}

TEST(Sweep, ByItselfItGoesFromRequiredToAboveThePeak) {
  ScratchpadSizes sizes;
  sizes.required = {0, 100};
  sizes.peak = 200;
  EXPECT_EQ(sweep_sizes(sizes, 6, 1), (Bytes{100, 125, 150, 175, 200, 225}));
  EXPECT_EQ(sweep_sizes(sizes, 2, 1), (Bytes{100, 212}));
  sizes.peak = 100;  // nothing between the two
  EXPECT_EQ(sweep_sizes(sizes, 12, 1), (Bytes{100, 106}));
}

Problem chain() {
  Problem problem;
  problem.tensors = {{"x", 10, Role::input}, {"a", 10, Role::activation}, {"y", 10, Role::output}};
  problem.operators = {{"f", {0}, {1}}, {"g", {1}, {2}}};
  return problem;
}

Plan done(std::int64_t bytes) {
  Plan plan;
  plan.scratchpad_bytes = bytes;
  plan.status = Status::optimal;
  plan.traffic_bytes = plan.lower_bound_bytes = 100 - bytes;
  return plan;
}

TEST(Sweep, AsksForEachSizeInOrderAndTellsProgress) {
  std::vector<std::size_t> told;
  const auto points = sweep(chain(), {20, 30},
                            {{0, 1}, {}, done, [&](std::size_t count) { told.push_back(count); }});
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].traffic_bytes, 80);
  EXPECT_EQ(points[1].scratchpad_bytes, 30);
  EXPECT_EQ(points[1].objective.value, 70);
  ASSERT_EQ(points[1].baselines.size(), 4u);
  EXPECT_EQ(points[1].baselines[0].traffic_bytes, 0);
  EXPECT_EQ(told, (std::vector<std::size_t>{0, 1}));
}

TEST(Sweep, EndsWithWhatIsFinishedWhenItIsStopped) {
  std::atomic<bool> stop{false};
  SolveOptions options;
  options.limits.stop = &stop;
  const auto stopping = [&](std::int64_t bytes) {
    if (bytes == 40) stop = true;  // while this size is being planned
    return done(bytes);
  };
  const auto points = sweep(chain(), {20, 30, 40, 50}, {{0, 1}, options, stopping, {}});
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points.back().scratchpad_bytes, 30);
}

}  // namespace
}  // namespace pliant::plan
