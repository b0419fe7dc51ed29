// Plans at other costs of reading and writing than 1 and 1.
#include <gtest/gtest.h>

#include <cstdio>
#include <iterator>

#include "core/error.h"
#include "plan/baseline/baseline.h"
#include "plan/plain_search.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

Plan solve_at(const Problem& problem, std::int64_t bytes, std::int64_t alignment,
              const Costs& costs, ThreadPool& pool) {
  SolveOptions options;
  options.alignment = alignment;
  options.costs = costs;
  return solve(problem, bytes, options, pool);
}

void compare(const Problem& problem, std::int64_t bytes, std::int64_t alignment, const Costs& costs,
             ThreadPool& pool, int& paying) {
  const Plan plan = solve_at(problem, bytes, alignment, costs, pool);
  const std::int64_t least = PlainSearch(problem, bytes, alignment, costs).cheapest();
  ASSERT_EQ(plan.costs, costs);
  if (least < 0) {
    ASSERT_EQ(plan.status, Status::infeasible);
    return;
  }
  ASSERT_EQ(plan.status, Status::optimal);
  ASSERT_EQ(cost_of(plan), least);
  ASSERT_EQ(bound_of(plan), least);
  ASSERT_LE(plan.lower_bound_bytes, plan.traffic_bytes);
  if (least > 0) ++paying;
}

TEST(Costs, EqualThePlainSearch) {
  ThreadPool pool(1);
  int paying = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    const Costs& costs = several_costs[seed % std::size(several_costs)];
    Rng wide(seed, 31), tight(seed, 32);
    const Problem a = random_problem(wide, {2, 5, 5}), b = tight_problem(tight, {5, 7, 5});
    ASSERT_NO_FATAL_FAILURE(compare(a, most_required(a) + wide.below(3), 1, costs, pool, paying));
    ASSERT_NO_FATAL_FAILURE(
        compare(b, most_required(b, 2) + tight.below(2), 2, costs, pool, paying));
  }
  std::printf("%d of 1000 problems cost something\n", paying);
  EXPECT_GT(paying, 80);
}

// Where the fluid optimum cannot be placed, the search with addresses decides: its own prices count
// then.
TEST(Costs, EqualThePlainSearchWhereFragmentationBites) {
  ThreadPool pool(1);
  int paying = 0, dearer = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    const Costs& costs = several_costs[seed % std::size(several_costs)];
    Rng rng(seed, 14);
    const Problem problem = random_problem(rng, {4, 7, 6});
    const std::int64_t bytes = most_required(problem, 4) + rng.below(2);
    const Plan plan = solve_at(problem, bytes, 4, costs, pool);
    if (plan.bound_origin.find("left open") != std::string::npos || cost_of(plan) == 0) continue;
    ++dearer;
    ASSERT_NO_FATAL_FAILURE(compare(problem, bytes, 4, costs, pool, paying));
  }
  std::printf("%d problems settled with addresses\n", dearer);
  EXPECT_GT(dearer, 20);
}

TEST(Costs, EveryCombinationOfSwitchesGivesTheSameCost) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed, 35);
    const Problem problem = random_problem(rng, {8, 13, 7});
    const std::int64_t bytes = most_required(problem) + rng.below(4);
    const Costs& costs = several_costs[seed % std::size(several_costs)];
    const Plan expected = solve_at(problem, bytes, 1, costs, pool);
    ASSERT_EQ(expected.status, Status::optimal);
    for (int bits = 0; bits < 32; ++bits) {
      SolveOptions options;
      options.costs = costs;
      options.rules.free_operators = (bits & 1) != 0;
      options.rules.dominance = (bits & 2) != 0;
      options.rules.lower_bound = (bits & 4) != 0;
      options.beam = (bits & 8) != 0;
      options.rules.waiting = (bits & 16) != 0;
      const Plan plan = solve(problem, bytes, options, pool);
      ASSERT_EQ(plan.status, Status::optimal) << "seed " << seed << " switches " << bits;
      ASSERT_EQ(cost_of(plan), cost_of(expected)) << "seed " << seed << " switches " << bits;
    }
  }
}

TEST(Costs, ScaleWithBothPrices) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed, 36);
    const Problem problem = random_problem(rng, {6, 12, 7});
    const std::int64_t bytes = most_required(problem) + rng.below(4);
    const Plan plain = solve(problem, bytes, {}, pool),
               dear = solve_at(problem, bytes, 1, {9, 9}, pool);
    EXPECT_EQ(cost_of(dear), 9 * plain.traffic_bytes);
    EXPECT_EQ(dear.lower_bound_bytes, plain.lower_bound_bytes);
    EXPECT_EQ(plain.cost, 0);
  }
}

// Two tensors of one size are in the way: the input leaves for a load, the activation for a store
// and a load. With free loads the input leaves twice rather than the activation once.
TEST(Costs, DearStoresMakeInputsLeave) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, 37);
    const Problem problem = random_problem(rng, {8, 12, 7});
    const std::int64_t bytes = most_required(problem);
    const auto stored = [&](const Plan& plan) {
      std::int64_t sum = 0;
      for (const Event& event : plan.events)
        if (event.action == Action::store && problem.tensors[event.tensor].role == Role::activation)
          sum += problem.tensors[event.tensor].bytes;
      return sum;
    };
    EXPECT_LE(stored(solve_at(problem, bytes, 1, {0, 1}, pool)),
              stored(solve(problem, bytes, {}, pool)));
  }
}

TEST(Costs, BaselinesCostNoLess) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed, 38);
    const Problem problem = random_problem(rng, {6, 12, 7});
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    SolveOptions options;
    options.costs = several_costs[seed % std::size(several_costs)];
    const Plan plan = solve(problem, bytes, options, pool);
    EXPECT_GE(default_belady(problem, bytes)->cost(options.costs), bound_of(plan));
    for (const NamedBaseline& each :
         baselines(problem, scratchpad_sizes(problem, {}, pool).peak_order, bytes,
                   {options.alignment, options.costs})) {
      if (!each.plan) continue;
      EXPECT_GE(cost_of(each.plan->plan), cost_of(plan)) << each.name;
    }
  }
}

TEST(Costs, OutOfRangeAreRefused) {
  ThreadPool pool(1);
  Rng rng(1, 39);
  const Problem problem = random_problem(rng, {3, 5, 5});
  const auto refused = [&](Costs costs, const char* place) {
    try {
      solve_at(problem, 100, 1, costs, pool);
      ADD_FAILURE() << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.place(), place);
    }
  };
  refused({-1, 1}, "read cost");
  refused({1, most_cost + 1}, "write cost");
  refused({0, 0}, "read cost");
  const Problem huge{{{"x", std::int64_t{1} << 60, Role::input}, {"y", 1, Role::output}},
                     {{"f", {0}, {1}, 0}}};
  EXPECT_THROW(solve_at(huge, std::int64_t{1} << 61, 1, {1000, 1}, pool), Error);
  EXPECT_NO_THROW(solve_at(huge, std::int64_t{1} << 61, 1, {1, 1}, pool));
}

}  // namespace
}  // namespace pliant::plan
