// Plans in which operators read several tensors as one run, against the plain search with
// addresses.
#include "plan/schedule/contiguous.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "core/error.h"
#include "plan/baseline/baseline.h"
#include "plan/plain_search.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

// Half of the operators that read two or more read some of them as one run.
int join_some_inputs(Problem& problem, Rng& rng) {
  int runs = 0;
  for (Operator& op : problem.operators) {
    if (op.inputs.size() < 2 || rng.below(2) == 0) continue;
    std::vector<TensorId> run(op.inputs.begin(),
                              op.inputs.begin() + 2 + rng.below(op.inputs.size() > 2 ? 2 : 1));
    op.adjacent.push_back(run);
    ++runs;
  }
  return runs;
}

TEST(Rigid, ClaimsNothingWrong) {
  ThreadPool pool(1);
  int problems = 0, impossible = 0, planned = 0, optimal = 0, traffic = 0;
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 18);
    Problem problem =
        seed % 2 == 0 ? random_problem(rng, {2, 5, 3}) : tight_problem(rng, {3, 6, 3});
    if (join_some_inputs(problem, rng) == 0) continue;
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    const Plan plan = solve(problem, bytes, {}, pool);
    const std::int64_t least = PlainSearch(problem, bytes).cheapest();
    ++problems;
    if (least < 0) {
      ASSERT_EQ(plan.status, Status::undecided);  // nothing here proves that there is no plan
      ++impossible;
      continue;
    }
    ASSERT_LE(plan.lower_bound_bytes, least);
    if (plan.status == Status::undecided) continue;
    ++planned;
    ASSERT_GE(plan.traffic_bytes, least);
    if (plan.status == Status::optimal) {
      ASSERT_EQ(plan.traffic_bytes, least);
    }
    optimal += plan.status == Status::optimal;
    traffic += least > 0;
  }
  std::printf("contiguous: %d problems, %d impossible, %d planned, %d optimal, %d with traffic\n",
              problems, impossible, planned, optimal, traffic);
  EXPECT_GT(problems, 300);
  EXPECT_GT(planned, (problems - impossible) * 8 / 10);
  EXPECT_GT(optimal, planned * 7 / 10);
  EXPECT_GT(traffic, 20);
}

// a and b side by side for c, b and a the other way round for d: one of them has to leave in
// between.
TEST(Rigid, TensorsThatNeedOtherNeighboursMove) {
  Problem problem;
  problem.tensors = {{"a", 4, Role::activation},
                     {"b", 4, Role::activation},
                     {"y", 1, Role::output},
                     {"z", 1, Role::output}};
  problem.operators = {{"make a", {}, {0}, 0},
                       {"make b", {}, {1}, 0},
                       {"c", {0, 1}, {2}, 0, {}, {{0, 1}}},
                       {"d", {0, 1, 2}, {3}, 0, {}, {{1, 0}}}};
  ThreadPool pool(1);
  EXPECT_THROW(least_memory(problem, {}, pool), Error);
  const Plan plan = solve(problem, 100, {}, pool);
  const std::int64_t least = PlainSearch(problem, 20).cheapest();
  EXPECT_GE(least < 0 ? INT64_MAX : least, 4);
  if (plan.status != Status::undecided) {
    EXPECT_GE(plan.traffic_bytes, least);
  }
  // now there is a step for it
  problem.operators.insert(problem.operators.begin() + 3, {"between", {2}, {4}, 0});
  problem.tensors.push_back({"w", 1, Role::activation});
  problem.operators.back().inputs.push_back(4);
  const Plan moved = solve(problem, 100, {}, pool);
  ASSERT_EQ(moved.status, Status::feasible);
  EXPECT_EQ(moved.traffic_bytes, 8);
  EXPECT_EQ(moved.traffic_bytes, PlainSearch(problem, 20).cheapest());
}

TEST(Rigid, RefusesAnAlignmentThatPartsThem) {
  Problem problem;
  problem.tensors = {
      {"a", 6, Role::activation}, {"b", 4, Role::activation}, {"y", 1, Role::output}};
  problem.operators = {{"make", {}, {0, 1}, 0}, {"c", {0, 1}, {2}, 0, {}, {{0, 1}}}};
  ThreadPool pool(1);
  SolveOptions options;
  options.alignment = 4;
  EXPECT_THROW(solve(problem, 100, options, pool), Error);
  options.alignment = 2;
  EXPECT_EQ(solve(problem, 12, options, pool).status, Status::optimal);
  EXPECT_EQ(least_memory(problem, options, pool).plan.scratchpad_bytes, 11);
  for (const NamedBaseline& each :
       baselines(problem, {0, 1}, 12, {options.alignment, options.costs}))
    EXPECT_TRUE(each.plan) << each.name;
}

}  // namespace
}  // namespace pliant::plan
