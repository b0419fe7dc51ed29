// Plans in which tensors move on chip, against a plain search that may move anything anywhere
// between two steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "core/error.h"
#include "plan/plain_search.h"
#include "plan/random_problem.h"
#include "plan/schedule/compact.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

Plan solve_moving(const Problem& problem, std::int64_t bytes, std::int64_t alignment,
                  const Costs& costs, ThreadPool& pool) {
  SolveOptions options;
  options.alignment = alignment;
  options.costs = costs;
  return solve(problem, bytes, options, pool);
}

struct MoveCounts {
  int problems = 0, optimal = 0, cheaper = 0, feasible_at_all = 0;
};

// The bound holds, the plan is no dearer than one without moves, and an optimum is one.
void compare_moving(const Problem& problem, std::int64_t bytes, std::int64_t alignment,
                    const Costs& costs, ThreadPool& pool, MoveCounts& counts) {
  const Costs still{costs.read, costs.write};
  const Plan without = solve_moving(problem, bytes, alignment, still, pool);
  const Plan plan = solve_moving(problem, bytes, alignment, costs, pool);
  const std::int64_t least = PlainSearch(problem, bytes, alignment, costs).cheapest();
  ++counts.problems;
  if (plan.order.empty()) {
    ASSERT_NE(plan.status, Status::infeasible);
    return;
  }
  ASSERT_GE(least, 0);
  ASSERT_GE(cost_of(plan), least);
  ASSERT_LE(bound_of(plan), least);
  if (plan.status == Status::optimal) {
    ASSERT_EQ(cost_of(plan), least);
    ++counts.optimal;
  }
  if (without.status == Status::infeasible) ++counts.feasible_at_all;
  if (without.order.empty()) return;
  ASSERT_LE(cost_of(plan), cost_of(without));
  if (cost_of(plan) < cost_of(without)) ++counts.cheaper;
}

TEST(Moves, AgreeWithThePlainSearchWhereFragmentationBites) {
  ThreadPool pool(1);
  MoveCounts counts;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 14);
    const std::int64_t alignment = 2;
    const Problem problem = tight_problem(rng, {4, 7, 5});
    const std::int64_t bytes = most_required(problem, alignment) + rng.below(2);
    const Plan plain = solve_moving(problem, bytes, alignment, {}, pool);
    const bool bites = plain.bound_origin.find("and addresses") != std::string::npos ||
                       plain.bound_origin.find("has addresses") != std::string::npos;
    if (!bites) continue;
    const Costs costs{seed % 5 == 0 ? 2 : 1, 1, static_cast<std::int64_t>(seed % 3)};
    ASSERT_NO_FATAL_FAILURE(compare_moving(problem, bytes, alignment, costs, pool, counts));
  }
  std::printf("%d problems: %d proven, %d cheaper by moves, %d without any plan but for them\n",
              counts.problems, counts.optimal, counts.cheaper, counts.feasible_at_all);
  EXPECT_GT(counts.problems, 10);
}

TEST(Moves, CostNothingWhereNothingIsInTheWay) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed, 41);
    const Problem problem = random_problem(rng, {2, 5, 5});
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    const Plan still = solve_moving(problem, bytes, 1, {}, pool),
               plan = solve_moving(problem, bytes, 1, {1, 1, 1}, pool);
    ASSERT_EQ(plan.status, Status::optimal) << seed;
    ASSERT_EQ(cost_of(plan), still.traffic_bytes) << seed;
  }
}

// a [0, 4) is needed to the end, b [4, 6) ends first, c [6, 10) stays: d of 4 bytes needs b's and 2
// more.
Problem chain_with_a_hole() {
  Problem problem;
  problem.tensors = {{"a", 4, Role::activation},
                     {"b", 2, Role::activation},
                     {"c", 4, Role::activation},
                     {"d", 4, Role::activation},
                     {"y", 1, Role::output}};
  problem.operators = {{"o0", {}, {0}, 0},
                       {"o1", {0}, {1}, 0},
                       {"o2", {0, 1}, {2}, 0},
                       {"o3", {0, 2}, {3}, 0},
                       {"o4", {0, 2, 3}, {4}, 0}};
  return problem;
}

TEST(Moves, FreeOnesAlwaysReachTheFluidOptimum) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed, 42);
    const Problem problem = random_problem(rng, {6, 12, 9});
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    const Plan plan = solve_moving(problem, bytes, 1, {1, 1, 0}, pool);
    ASSERT_EQ(plan.status, Status::optimal) << seed;
    ASSERT_EQ(plan.cost, plan.traffic_bytes);
  }
}

TEST(Moves, ACompactedScheduleIsValidAtAnySize) {
  ThreadPool pool(1);
  int moves = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed, 43);
    const Problem problem = random_problem(rng, {8, 16, 9});
    const std::int64_t bytes = most_required(problem) + 2;
    SolveOptions options;
    options.costs = {1, 1, 3};
    const Plan plan = solve(problem, bytes, options, pool);
    for (const Event& event : plan.events) moves += event.action == Action::move;
    EXPECT_LE(plan.lower_bound_bytes, plan.traffic_bytes);
  }
  const Problem problem = chain_with_a_hole();
  Placing placing;
  placing.scratchpad_bytes = 13;
  placing.costs.move = 1;
  const auto plan = compact(problem, make_schedule(problem, {0, 1, 2, 3, 4}), placing);
  ASSERT_TRUE(plan);
  std::printf("%d moves\n", moves);
}

// Rare without alignment: here the fluid optimum has no addresses, unless something moves.
TEST(Moves, AreCheaperThanASpill) {
  ThreadPool pool(1);
  Rng rng(8303, 12);
  const Problem problem = tight_problem(rng, {6, 9, 6});
  const std::int64_t bytes = most_required(problem);
  const Plan still = solve_moving(problem, bytes, 1, {}, pool),
             plan = solve_moving(problem, bytes, 1, {1, 1, 0}, pool);
  EXPECT_LT(cost_of(plan), cost_of(still));
  EXPECT_EQ(plan.status, Status::optimal);
  EXPECT_EQ(std::count_if(plan.events.begin(), plan.events.end(),
                          [](const Event& e) { return e.action == Action::move; }) > 0,
            true);
}

TEST(Moves, AreRefusedOutOfRange) {
  ThreadPool pool(1);
  const Problem problem = chain_with_a_hole();
  EXPECT_THROW(solve_moving(problem, 20, 1, {1, 1, -2}, pool), Error);
  EXPECT_THROW(solve_moving(problem, 20, 1, {1, 1, most_cost + 1}, pool), Error);
}

}  // namespace
}  // namespace pliant::plan
