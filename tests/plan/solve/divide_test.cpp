#include "plan/solve/divide.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "models/zoo/zoo.h"
#include "plan/baseline/baseline.h"
#include "plan/bound/partition.h"
#include "plan/graph/graph_problem.h"
#include "plan/random_problem.h"
#include "plan/search/fluid.h"
#include "plan/search/window.h"

namespace pliant::plan {
namespace {

Problem bytes_of_zoo(const Graph& graph) {
  return problem_of(graph, {.elem_bytes = 1, .workspace = {}}).problem;
}

// Random problems in a row: all that one leaves unread goes into one tensor, which the next one
// begins with.
Problem random_chain(Rng& rng, int links) {
  Problem chain;
  TensorId neck = -1;
  for (int link = 0; link < links; ++link) {
    const Problem each = random_problem(rng, {3, 5, 5});
    const auto first = static_cast<TensorId>(chain.tensors.size());
    std::vector<bool> read(each.tensors.size(), false);
    for (const TensorInfo& t : each.tensors)
      chain.tensors.push_back({std::to_string(link) + t.name, t.bytes, t.role});
    for (const Operator& op : each.operators) {
      Operator made{std::to_string(link) + op.name, {}, {}, op.workspace};
      for (const TensorId t : op.inputs) {
        made.inputs.push_back(first + t);
        read[t] = true;
      }
      for (const TensorId t : op.outputs) made.outputs.push_back(first + t);
      if (neck >= 0) made.inputs.push_back(neck);
      chain.operators.push_back(std::move(made));
    }
    Operator cut{"cut" + std::to_string(link), {}, {}, 0};
    for (std::size_t t = 0; t < read.size(); ++t)
      if (!read[t] && each.tensors[t].role != Role::input && each.tensors[t].role != Role::weight)
        cut.inputs.push_back(first + static_cast<TensorId>(t));
    neck = static_cast<TensorId>(chain.tensors.size());
    chain.tensors.push_back({"neck" + std::to_string(link), rng.between(1, 3), Role::activation});
    cut.outputs = {neck};
    chain.operators.push_back(std::move(cut));
  }
  return chain;
}

std::int64_t fluid_optimum(const Problem& problem, std::int64_t bytes, ThreadPool& pool) {
  const ScheduleModel model = make_model(problem, bytes, 1);
  Budget budget({.effort = INT64_MAX});
  const FluidAnswer answer = search_fluid(model, make_pressure(model), {}, budget, pool);
  EXPECT_TRUE(answer.complete);
  return answer.plan->cost;
}

TEST(Divide, CleanPartsAddUpToTheOptimumExactly) {
  ThreadPool pool(1);
  int several = 0, traffic = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 93);
    Problem problem = random_chain(rng, 3);
    if (seed >= 100) add_in_place_pairs(problem, rng);
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    const std::int64_t expected = fluid_optimum(problem, bytes, pool);
    const std::vector<Subproblem> parts = divide(problem, true);
    std::int64_t sum = 0;
    for (const Subproblem& part : parts) {
      validate(part.problem);
      sum += fluid_optimum(part.problem, bytes, pool);
    }
    EXPECT_EQ(sum, expected);
    if (parts.size() > 1 && expected > 0) ++several;
    if (expected > 0) ++traffic;
  }
  EXPECT_GT(several, 30);
  EXPECT_GT(traffic, 50);
}

// Whatever operators a half has.
TEST(Halves, CostNoMoreThanTheWhole) {
  ThreadPool pool(1);
  int meets = 0, pays = 0;
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 94);
    Problem problem = random_problem(rng, {4, 9, seed >= 400 ? 3 : 6});
    if (seed >= 400) add_in_place_pairs(problem, rng);
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    std::vector<bool> in;
    for (std::size_t op = 0; op < problem.operators.size(); ++op) in.push_back(rng.below(2) == 0);
    const std::int64_t expected = fluid_optimum(problem, bytes, pool);
    std::int64_t sum = 0;
    for (const bool which : {true, false}) {
      const Problem half = side_of(problem, in, which);
      validate(half);
      sum += fluid_optimum(half, bytes, pool);
    }
    EXPECT_LE(sum, expected);
    if (expected > 0) ++pays;
    if (expected > 0 && sum == expected) ++meets;
  }
  EXPECT_GT(pays, 100);
  EXPECT_GT(meets, 10);
}

// The decoder's first steps interleave with the whole encoder; without them the encoder is a chain
// of layers.
TEST(Halves, GiveTheTransformerNarrowCuts) {
  const Problem problem = bytes_of_zoo(zoo::build("transformer"));
  const std::vector<bool> half = find_partition(problem);
  ASSERT_EQ(half.size(), problem.operators.size());
  EXPECT_LT(divide(problem, false).size(), 20u);
  EXPECT_GT(divide(side_of(problem, half, true), false).size() +
                divide(side_of(problem, half, false), false).size(),
            70u);
}

// Two chains that nothing orders, read by one last operator: no order passes any operator but that
// one at a fixed place.
Problem side_by_side(const Problem& left, const Problem& right) {
  Problem both = left;
  const auto first = static_cast<TensorId>(left.tensors.size());
  for (const TensorInfo& t : right.tensors) both.tensors.push_back({"r" + t.name, t.bytes, t.role});
  for (Operator op : right.operators) {
    for (auto* list : {&op.inputs, &op.outputs})
      for (TensorId& t : *list) t += first;
    op.name = "r" + op.name;
    both.operators.push_back(std::move(op));
  }
  both.operators.push_back(
      {"join", {first - 1, static_cast<TensorId>(both.tensors.size()) - 1}, {}, 0});
  return both;
}

TEST(Halves, OfTwoChainsAddUpInTheBound) {
  ThreadPool pool(1);
  int pays = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 95);
    const Problem left = random_chain(rng, 3), right = random_chain(rng, 3),
                  both = side_by_side(left, right);
    validate(both);
    const std::int64_t bytes = most_required(both);
    SolveOptions options;
    options.divide_only = true;
    const std::int64_t least = fluid_optimum(left, bytes, pool) + fluid_optimum(right, bytes, pool);
    const Plan plan = solve(both, bytes, options, pool);
    EXPECT_GE(plan.lower_bound_bytes, least);
    EXPECT_GE(plan.traffic_bytes, plan.lower_bound_bytes);
    if (least > 0) ++pays;
  }
  EXPECT_GT(pays, 20);
}

TEST(Divide, PartsBoundTheOptimum) {
  ThreadPool pool(1);
  int several = 0, traffic = 0;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 91);
    const Problem problem = random_chain(rng, 3);
    validate(problem);
    const std::int64_t bytes = most_required(problem) + rng.below(3);
    SolveOptions whole, parts;
    whole.divide = false;
    parts.divide_only = true;
    const Plan expected = solve(problem, bytes, whole, pool),
               plan = solve(problem, bytes, parts, pool);
    ASSERT_EQ(expected.status, Status::optimal);
    EXPECT_GE(plan.traffic_bytes, expected.traffic_bytes);
    EXPECT_LE(plan.lower_bound_bytes, expected.traffic_bytes);
    if (divide(problem, true).size() > 1) ++several;
    if (expected.traffic_bytes > 0) ++traffic;
    std::int64_t bound = 0;
    for (const Subproblem& part : divide(problem, false)) {
      validate(part.problem);
      bound += solve(part.problem, bytes, whole, pool).lower_bound_bytes;
    }
    EXPECT_LE(bound, expected.traffic_bytes);
  }
  EXPECT_GT(several, 60);
  EXPECT_GT(traffic, 20);
}

TEST(Divide, FourNasnetsInARowAreProven) {
  ThreadPool pool(2);
  const Problem problem = bytes_of_zoo(zoo::nasnet_chain(4));
  EXPECT_GT(problem.operators.size(), 2000u);
  const Plan plan = solve(problem, 551'936, {}, pool);
  EXPECT_EQ(plan.status, Status::optimal);
  EXPECT_EQ(plan.traffic_bytes, 4 * 413'952);
}

// From the default order with Belady replacement, by windows alone.
TEST(Windows, GainAndStayAboveTheOptimum) {
  ThreadPool pool(1);
  Budget budget({.effort = INT64_MAX});
  int gained = 0, reached = 0, counted = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 92);
    const Problem problem = random_chain(rng, 3);
    std::vector<OperatorId> order(problem.operators.size());
    std::iota(order.begin(), order.end(), 0);
    Improving how;
    how.scratchpad_bytes = most_required(problem) + rng.below(3);
    const auto baseline = default_belady(problem, how.scratchpad_bytes);
    ASSERT_TRUE(baseline);
    Schedule schedule = make_schedule(problem, order, baseline->leaves);
    const std::int64_t before = cost_of(problem, schedule, {});
    if (before == 0) continue;
    ++counted;
    improve_by_windows(problem, schedule, how, budget, pool);
    const std::int64_t after = cost_of(problem, schedule, {});
    if (after < before) ++gained;
    const Plan best = solve(problem, how.scratchpad_bytes, {}, pool);
    EXPECT_LE(after, before);
    EXPECT_GE(after, best.traffic_bytes);
    if (after == best.traffic_bytes) ++reached;
    std::vector<std::int64_t> alive(order.size(), 0);
    for (const place::Rectangle& each : lay_out(problem, schedule).rectangles)
      for (Step step = each.lower; step < each.upper; ++step) alive[step] += each.size;
    EXPECT_LE(*std::max_element(alive.begin(), alive.end()), how.scratchpad_bytes);
  }
  std::printf("%d plans: %d improved, %d to the optimum\n", counted, gained, reached);
  EXPECT_GT(gained, 10);
}

TEST(Windows, BringNasnetFromBeladyNearTheOptimum) {
  ThreadPool pool(2);
  Budget budget({.effort = INT64_MAX});
  const Problem problem = bytes_of_zoo(zoo::build("nasnet-a"));
  std::vector<OperatorId> order(problem.operators.size());
  std::iota(order.begin(), order.end(), 0);
  Improving how;
  how.scratchpad_bytes = 551'936;
  Schedule schedule =
      make_schedule(problem, order, default_belady(problem, how.scratchpad_bytes)->leaves);
  const std::int64_t before = cost_of(problem, schedule, {});
  EXPECT_GT(improve_by_windows(problem, schedule, how, budget, pool), 0);
  const std::int64_t after = cost_of(problem, schedule, {});
  std::printf("windows alone: %lld to %lld bytes, optimum 413952\n", static_cast<long long>(before),
              static_cast<long long>(after));
  EXPECT_LT(after, before / 2);
  EXPECT_GE(after, 413'952);
}

}  // namespace
}  // namespace pliant::plan
