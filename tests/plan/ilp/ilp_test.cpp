#include "plan/ilp/ilp.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "core/error.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

struct Tally {
  int problems = 0, impossible = 0, undecided = 0;
};

void compare(const Problem& problem, const Plan& ours, const Plan& theirs, Tally& tally) {
  ++tally.problems;
  if (theirs.status == Status::undecided || theirs.status == Status::feasible) {
    ++tally.undecided;
    return;
  }
  ASSERT_EQ(ours.status, theirs.status) << problem_to_json(problem);
  if (ours.status == Status::infeasible) ++tally.impossible;
  else ASSERT_EQ(cost_of(ours), cost_of(theirs)) << problem_to_json(problem);
}

// Problems that need traffic, or have no plan at M_R. bench-planner --only ilp compares larger
// ones.
TEST(Ilp, AgreesWithTheExactSearch) {
  ThreadPool pool(1);
  Tally tally;
  for (std::uint64_t seed = 0; tally.problems < 24; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 71);
    const Problem problem =
        seed % 3 == 0 ? tight_problem(rng, {4, 5, 5}) : random_problem(rng, {3, 7, 5});
    SolveOptions options;
    options.alignment = seed % 5 == 4 ? 2 : 1;
    if (seed % 2 == 1) options.costs = several_costs[seed / 2 % std::size(several_costs)];
    const std::int64_t bytes = most_required(problem, options.alignment);
    const Plan ours = solve(problem, bytes, options, pool);
    if (cost_of(ours) == 0 && ours.status != Status::infeasible) continue;
    const IlpOptions published{{.seconds = 4}, options.alignment, options.costs};
    ASSERT_NO_FATAL_FAILURE(
        compare(problem, ours, solve_by_ilp(problem, bytes, published).plan, tally));
  }
  std::printf("%d problems: %d without any plan, %d undecided; 0 mismatches\n", tally.problems,
              tally.impossible, tally.undecided);
  EXPECT_LT(tally.undecided, tally.problems - 4);  // on a busy machine; none on an idle one
}

TEST(Ilp, SaysWhenNothingFits) {
  Problem problem;
  problem.tensors = {{"x", 4, Role::input}, {"y", 4, Role::output}};
  problem.operators = {{"f", {0}, {1}, 0}};
  EXPECT_EQ(solve_by_ilp(problem, 7, {}).plan.status, Status::infeasible);
  const IlpAnswer answer = solve_by_ilp(problem, 8, {});
  EXPECT_EQ(answer.plan.status, Status::optimal);
  EXPECT_EQ(answer.plan.traffic_bytes, 0);
  EXPECT_GT(answer.rows, 0);
  EXPECT_THROW(solve_by_ilp(problem, -1, {}), Error);
  EXPECT_THROW(solve_by_ilp(problem, 8, {{}, 0}), Error);
  EXPECT_THROW(solve_by_ilp(problem, 8, {{}, 1, {0, 0}}), Error);
  problem.operators[0].in_place = {{1, 0}};
  EXPECT_THROW(solve_by_ilp(problem, 8, {}), Error);
}

}  // namespace
}  // namespace pliant::plan
