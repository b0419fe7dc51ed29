// Weights pinned from frame to frame, against every set of weights.
#include "plan/steady.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "plan/plain_search.h"
#include "plan/random_problem.h"

namespace pliant::plan {
namespace {

// A random problem in which operators read weights, some of them twice.
Problem problem_with_weights(Rng& rng, int most_weights, const Shape& shape) {
  Problem problem = random_problem(rng, shape);
  for (std::int64_t i = rng.between(1, most_weights); i > 0; --i) {
    const auto id = static_cast<TensorId>(problem.tensors.size());
    problem.tensors.push_back(
        {"w" + std::to_string(i), rng.between(1, shape.largest), Role::weight});
    for (std::int64_t uses = rng.between(1, 2); uses > 0; --uses) {
      auto& inputs =
          problem.operators[rng.below(static_cast<std::int64_t>(problem.operators.size()))].inputs;
      if (std::find(inputs.begin(), inputs.end(), id) == inputs.end()) inputs.push_back(id);
    }
  }
  return problem;
}

// The frame cost with exactly these weights pinned; nothing when there is no plan.
std::optional<std::int64_t> frame_cost(const Problem& problem, const std::vector<bool>& pinned,
                                       std::int64_t bytes, std::int64_t alignment,
                                       const Costs& costs) {
  Problem rest;
  std::vector<TensorId> local(problem.tensors.size(), -1);
  std::int64_t loads = 0;
  std::vector<bool> used(problem.tensors.size(), false);
  for (const Operator& op : problem.operators)
    for (const TensorId t : op.inputs) used[t] = true;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    if (pinned[t]) {
      bytes -= round_up(problem.tensors[t].bytes, alignment);
      continue;
    }
    if (problem.tensors[t].role == Role::weight && used[t])
      loads += problem.tensors[t].bytes * costs.read;
    local[t] = static_cast<TensorId>(rest.tensors.size());
    rest.tensors.push_back(problem.tensors[t]);
  }
  for (const Operator& op : problem.operators) {
    Operator made{op.name, {}, {}, op.workspace};
    for (const TensorId t : op.inputs)
      if (!pinned[t]) made.inputs.push_back(local[t]);
    for (const TensorId t : op.outputs) made.outputs.push_back(local[t]);
    rest.operators.push_back(std::move(made));
  }
  if (bytes < most_required(rest, alignment)) return {};
  if (rest.tensors.size() <= 6) {
    const std::int64_t traffic = PlainSearch(rest, bytes, alignment, costs).cheapest();
    if (traffic < 0) return {};
    return loads + traffic;
  }
  // too many states for the plain search, with which solve() is compared elsewhere
  SolveOptions options;
  options.alignment = alignment;
  options.costs = costs;
  ThreadPool pool(1);
  const Plan plan = solve(rest, bytes, options, pool);
  if (plan.status == Status::infeasible) return {};
  EXPECT_EQ(plan.status, Status::optimal);
  return loads + cost_of(plan);
}

std::optional<std::int64_t> least_frame_cost(const Problem& problem, std::int64_t bytes,
                                             std::int64_t alignment, const Costs& costs) {
  std::vector<std::size_t> weights;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t)
    if (problem.tensors[t].role == Role::weight) weights.push_back(t);
  std::optional<std::int64_t> least;
  for (std::uint32_t set = 0; set < 1u << weights.size(); ++set) {
    std::vector<bool> pinned(problem.tensors.size(), false);
    for (std::size_t i = 0; i < weights.size(); ++i) pinned[weights[i]] = (set >> i & 1) != 0;
    const auto cost = frame_cost(problem, pinned, bytes, alignment, costs);
    if (cost && (!least || *cost < *least)) least = cost;
  }
  return least;
}

TEST(Steady, EqualsTheBestOfAllSetsOfWeights) {
  ThreadPool pool(1);
  int some = 0, not_all = 0, traffic = 0;
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 61);
    const Problem problem = problem_with_weights(rng, 4, {2, 4, 4});
    SolveOptions options;
    options.alignment = seed % 4 == 3 ? 2 : 1;
    if (seed % 3 == 1) options.costs = several_costs[seed % std::size(several_costs)];
    const std::int64_t bytes =
        round_up(most_required(problem, options.alignment) + rng.below(5), options.alignment);
    const Plan plan = solve_steady(problem, bytes, options, pool);
    const auto least = least_frame_cost(problem, bytes, options.alignment, options.costs);
    if (!least) {
      ASSERT_EQ(plan.status, Status::infeasible);
      continue;
    }
    ASSERT_EQ(plan.status, Status::optimal);
    ASSERT_EQ(plan.frame->cost, *least);
    ASSERT_EQ(plan.frame->lower_bound_cost, *least);
    ASSERT_EQ(plan.frame->bytes, plan.traffic_bytes + plan.compulsory_bytes);
    if (!plan.frame->pinned.empty()) ++some;
    if (plan.frame->cost > 0) ++not_all;
    if (plan.traffic_bytes > 0) ++traffic;
  }
  std::printf("250 problems: %d pin weights, %d cannot pin all, %d have traffic besides\n", some,
              not_all, traffic);
  EXPECT_GT(some, 100);
  EXPECT_GT(not_all, 50);
}

// A scratchpad whose size is no multiple of the alignment: a weight at its end could use the rest.
// The bound allows it.
TEST(Steady, ClaimsNoMoreThanItProvesWhereTheSizeIsUneven) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed, 62);
    const Problem problem = problem_with_weights(rng, 3, {2, 4, 5});
    SolveOptions options;
    options.alignment = 4;
    const std::int64_t bytes = most_required(problem, 4) + rng.below(8);
    const Plan plan = solve_steady(problem, bytes, options, pool);
    const auto even = least_frame_cost(problem, round_up(bytes, 4), 4, {});
    const auto below = least_frame_cost(problem, bytes, 4, {});
    if (plan.order.empty()) continue;
    ASSERT_LE(plan.frame->lower_bound_cost, *below) << seed;
    ASSERT_EQ(plan.frame->cost, *below) << seed;
    if (plan.status == Status::optimal) {
      ASSERT_EQ(*even, *below) << seed;
    }
  }
}

TEST(Steady, PinsNothingForNothing) {
  ThreadPool pool(1);
  Problem problem;
  problem.tensors = {{"x", 4, Role::input}, {"w", 6, Role::weight}, {"y", 4, Role::output}};
  problem.operators = {{"f", {0, 1}, {2}, 0}};
  const Plan plan = solve_steady(problem, 14, {}, pool);
  EXPECT_EQ(plan.status, Status::optimal);
  EXPECT_EQ(plan.frame->pinned, std::vector<TensorId>{1});
  EXPECT_EQ(plan.frame->bytes, 8);
  EXPECT_EQ(plan.frame->cost, 0);
  EXPECT_EQ(plan.compulsory_bytes, 8);
  EXPECT_EQ(solve_steady(problem, 13, {}, pool).status, Status::infeasible);
}

TEST(Steady, KeepsAnHonestBoundUnderALimit) {
  ThreadPool pool(1);
  Rng rng(9, 63);
  const Problem problem = problem_with_weights(rng, 40, {30, 40, 60});
  const std::int64_t bytes = most_required(problem) + 100;
  const Plan best = solve_steady(problem, bytes, {}, pool);
  for (const std::int64_t effort :
       {std::int64_t{100'000}, std::int64_t{2'000'000}, std::int64_t{20'000'000}}) {
    SolveOptions options;
    options.limits.effort = effort;
    const Plan plan = solve_steady(problem, bytes, options, pool);
    ASSERT_TRUE(plan.frame);
    EXPECT_LE(plan.frame->lower_bound_cost, best.frame->cost);
    EXPECT_GE(plan.frame->cost, best.frame->lower_bound_cost);
    ThreadPool two(2);
    EXPECT_EQ(solve_steady(problem, bytes, options, two), plan);
  }
  std::printf("frame cost %lld, bound %lld\n", static_cast<long long>(best.frame->cost),
              static_cast<long long>(best.frame->lower_bound_cost));
}

TEST(Steady, NeedsWeights) {
  ThreadPool pool(1);
  Problem problem;
  problem.tensors = {{"x", 4, Role::input}, {"y", 4, Role::output}};
  problem.operators = {{"f", {0}, {1}, 0}};
  EXPECT_THROW(solve_steady(problem, 14, {}, pool), Error);
  EXPECT_THROW(solve_steady(problem, -1, {}, pool), Error);
}

// Who writes over a weight would spoil the next frame.
TEST(Steady, PinsNoWeightThatIsWrittenOver) {
  ThreadPool pool(1);
  Problem problem;
  problem.tensors = {{"w", 6, Role::weight}, {"v", 2, Role::weight}, {"y", 6, Role::output}};
  problem.operators = {{"f", {0, 1}, {2}, 0, {{2, 0}}}};
  const Plan plan = solve_steady(problem, 20, {}, pool);
  EXPECT_EQ(plan.frame->pinned, std::vector<TensorId>{1});
  EXPECT_EQ(plan.frame->cost, 6);
}

}  // namespace
}  // namespace pliant::plan
