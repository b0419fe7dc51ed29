#include "plan/baseline/baseline.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "plan/baseline/cover.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

std::int64_t cheapest_by_trying(const std::vector<CoverItem>& items, std::int64_t need) {
  std::int64_t best = INT64_MAX;
  for (std::uint32_t set = 0; set < 1u << items.size(); ++set) {
    std::int64_t size = 0, price = 0;
    for (std::size_t i = 0; i < items.size(); ++i)
      if (set >> i & 1) {
        size += items[i].size;
        price += items[i].price;
      }
    if (size >= need) best = std::min(best, price);
  }
  return best;
}

TEST(Cover, IsTheCheapestOfAllSets) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed, 61);
    std::vector<CoverItem> items(static_cast<std::size_t>(rng.between(1, 10)));
    std::int64_t all = 0;
    for (CoverItem& item : items) {
      item.size = rng.between(1, 20);
      item.price = item.size * rng.between(1, 2);
      all += item.size;
    }
    const std::int64_t need = rng.between(1, all);
    std::int64_t size = 0, price = 0;
    for (const std::size_t i : cheapest_cover(items, need)) {
      size += items[i].size;
      price += items[i].price;
    }
    EXPECT_GE(size, need);
    EXPECT_EQ(price, cheapest_by_trying(items, need)) << seed;
  }
}

TEST(Cover, TakesNothingOrAllAtTheEnds) {
  EXPECT_TRUE(cheapest_cover({{3, 3}}, 0).empty());
  EXPECT_EQ(cheapest_cover({{3, 3}, {4, 8}}, 8), (std::vector<std::size_t>{0, 1}));
}

// a (10) is used at once and late, b (6) soon: Belady sends a away, the greedy rule the fewest
// bytes.
TEST(Baseline, TheTwoRulesDiffer) {
  Problem problem;
  problem.tensors = {{"a", 10, Role::activation},
                     {"b", 6, Role::activation},
                     {"c", 4, Role::activation},
                     {"d", 1, Role::activation},
                     {"y", 1, Role::output}};
  problem.operators = {{"fa", {}, {0}, 0},
                       {"fb", {}, {1}, 0},
                       {"fc", {}, {2}, 0},
                       {"fd", {2, 1}, {3}, 0},
                       {"fy", {3, 0}, {4}, 0}};
  const std::vector<OperatorId> order{0, 1, 2, 3, 4};
  const auto belady = plan_in_arena(problem, order, Replacement::belady, 16, {});
  const auto greedy = plan_in_arena(problem, order, Replacement::greedy, 16, {});
  ASSERT_TRUE(belady && greedy);
  EXPECT_EQ(belady->plan.traffic_bytes, 20);  // a
  EXPECT_EQ(greedy->plan.traffic_bytes, 32);  // b for c, then a for b
  EXPECT_TRUE(belady->best_fit);
}

// Every plan has passed the checker when it is returned; none beats the optimum.
TEST(Baseline, PlansAreValidAndNoBetterThanTheOptimum) {
  ThreadPool pool(1);
  int stuck = 0, none = 0, traffic = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 62);
    const Problem problem = random_problem(rng, {4, 9, 6});
    SolveOptions options;
    options.alignment = rng.below(3) == 0 ? 2 : 1;
    const std::int64_t bytes = most_required(problem, options.alignment) + rng.below(3);
    const Plan best = solve(problem, bytes, options, pool);
    const ScratchpadSizes sizes = scratchpad_sizes(problem, options, pool);
    for (const NamedBaseline& each :
         baselines(problem, sizes.peak_order, bytes, {options.alignment, options.costs})) {
      if (!each.plan) ++none;
      if (!each.plan) continue;
      ASSERT_EQ(best.status, Status::optimal);
      EXPECT_GE(each.plan->plan.traffic_bytes, best.traffic_bytes) << each.name;
      if (!each.plan->best_fit) ++stuck;
      if (each.plan->plan.traffic_bytes > 0) ++traffic;
    }
  }
  std::printf("800 plans: %d with traffic, %d of stuck arenas, %d without addresses\n", traffic,
              stuck, none);
  EXPECT_GT(traffic, 100);
}

TEST(Baseline, FreeOnARoomyScratchpad) {
  Rng rng(5, 63);
  const Problem problem = random_problem(rng, {6, 9, 6});
  std::vector<OperatorId> order(problem.operators.size());
  std::iota(order.begin(), order.end(), 0);
  for (const NamedBaseline& each : baselines(problem, order, 1000, {})) {
    ASSERT_TRUE(each.plan);
    EXPECT_EQ(each.plan->plan.traffic_bytes, 0);
    EXPECT_TRUE(each.plan->best_fit);
  }
}

TEST(LeastMemory, IsTheSmallestScratchpadWithoutTraffic) {
  ThreadPool pool(1);
  int proven = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 64);
    const Problem problem = random_problem(rng, {2, 8, 6});
    const LeastMemory least = least_memory(problem, {}, pool);
    EXPECT_EQ(least.plan.traffic_bytes, 0);
    EXPECT_EQ(least.objective.of, Measure::peak_bytes);
    EXPECT_EQ(least.objective.value, least.plan.scratchpad_bytes);
    EXPECT_LE(least.objective.bound, least.plan.scratchpad_bytes);
    if (least.objective.bound > 0) {
      const Plan smaller = solve(problem, least.objective.bound - 1, {}, pool);
      EXPECT_TRUE(smaller.status == Status::infeasible || smaller.lower_bound_bytes > 0);
    }
    if (least.objective.bound == least.plan.scratchpad_bytes) ++proven;
  }
  EXPECT_GT(proven, 90);
}

}  // namespace
}  // namespace pliant::plan
