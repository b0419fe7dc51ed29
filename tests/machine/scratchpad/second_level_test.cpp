// Plans with a second memory on chip: checked, executed, and against all choices of absences.
#include "plan/second_level.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "core/error.h"
#include "core/rng.h"
#include "machine/scratchpad/execute.h"
#include "plan/place/place.h"
#include "plan/random_problem.h"
#include "plan/schedule/verify.h"

namespace pliant::plan {
namespace {

// What all absences of one kind save, worked out anew: by tensor, all of an activation's are one
// choice.
struct Choice {
  std::vector<place::Rectangle> absences;
  std::int64_t saving = 0;
};

std::vector<Choice> choices(const Problem& problem, const Plan& plan, std::int64_t price) {
  std::vector<Choice> all;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const auto& [name, bytes, role] = problem.tensors[t];
    Choice whole;
    const Residency* before = nullptr;
    for (const Residency& each : plan.residencies) {
      if (each.tensor != static_cast<TensorId>(t)) continue;
      if (before != nullptr) {
        const place::Rectangle absence{bytes, before->to + 1, each.from + 1};
        const std::int64_t saving = bytes * (plan.costs.read - 2 * price);
        if (role != Role::activation) all.push_back({{absence}, saving});
        whole.absences.push_back(absence);
        whole.saving += saving + (whole.absences.size() == 1 ? bytes * plan.costs.write : 0);
      }
      before = &each;
    }
    if (role == Role::activation && before != nullptr && !whole.absences.empty())
      all.push_back(whole);
  }
  return all;
}

std::int64_t most_saved(const std::vector<Choice>& all, std::int64_t bytes,
                        std::int64_t alignment) {
  std::int64_t most = 0;
  for (std::uint64_t set = 1; set < std::uint64_t{1} << all.size(); ++set) {
    std::vector<place::Rectangle> rectangles;
    std::int64_t saving = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((set >> i & 1) == 0) continue;
      saving += all[i].saving;
      rectangles.insert(rectangles.end(), all[i].absences.begin(), all[i].absences.end());
    }
    if (saving <= most) continue;
    if (place::place(rectangles, bytes, {.alignment = alignment}).status == place::Outcome::placed)
      most = saving;
  }
  return most;
}

struct Counts {
  int plans = 0, spilled = 0, used = 0, partly = 0, optimal = 0;
};

void compare(const Problem& problem, std::int64_t scratchpad, const SecondMemory& memory,
             const SolveOptions& options, ThreadPool& pool, Counts& counts) {
  const Plan plan = solve_second_level(problem, scratchpad, memory, options, pool);
  ++counts.plans;
  if (plan.status == Status::infeasible) return;
  ASSERT_TRUE(plan.second_level);
  const SecondLevel& level = *plan.second_level;
  const auto all = choices(problem, plan, memory.price);
  ASSERT_LE(all.size(), 14U);
  EXPECT_EQ(cost_of(plan) - level.cost, most_saved(all, memory.bytes, plan.alignment));
  EXPECT_EQ(plan.status == Status::optimal, level.cost == level.lower_bound_cost);
  EXPECT_EQ(plan_from_json(problem, plan_to_json(problem, plan), "plan.json"), plan);
  scratchpad::HashOperators operators(problem, 5);
  const auto contents = scratchpad::random_contents(problem, 9);
  const auto run = scratchpad::execute(problem, plan, operators, contents);
  EXPECT_EQ(run.outputs, scratchpad::execute_unconstrained(problem, operators, contents));
  EXPECT_EQ(run.traffic_bytes(), level.off_chip_bytes);
  EXPECT_EQ(run.second_level_bytes, level.moved_bytes);
  EXPECT_EQ(run.compulsory_bytes, plan.compulsory_bytes);
  EXPECT_EQ(run.load_bytes * plan.costs.read + run.store_bytes * plan.costs.write +
                run.second_level_bytes * memory.price,
            level.cost);
  if (plan.traffic_bytes > 0) ++counts.spilled;
  if (level.moved_bytes > 0) ++counts.used;
  if (level.moved_bytes > 0 && level.off_chip_bytes > 0) ++counts.partly;
  if (plan.status == Status::optimal) ++counts.optimal;
}

TEST(SecondLevel, TakesWhatSavesMostAndRunsEqual) {
  ThreadPool pool(1);
  Counts counts;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 77);
    const Problem problem = random_problem(rng, {4, 9, 6});
    SolveOptions options;
    options.alignment = seed % 4 == 0 ? 2 : 1;
    if (seed % 3 == 1) options.costs = {2, 3};
    if (seed % 3 == 2) options.costs = {5, 4};
    const SecondMemory memory{rng.between(1, 10), seed % 3 == 0 ? rng.below(2) : rng.below(3)};
    const std::int64_t bytes = required_size(problem, options.alignment).bytes;
    ASSERT_NO_FATAL_FAILURE(compare(problem, bytes, memory, options, pool, counts));
  }
  std::printf(
      "%d plans: %d with traffic, %d use the second level, %d of them beside off-chip memory, %d "
      "optimal\n",
      counts.plans, counts.spilled, counts.used, counts.partly, counts.optimal);
  EXPECT_GT(counts.used, 20);
  EXPECT_GT(counts.partly, 3);
}

// in -> f -> a; a -> g -> b; b -> h -> c; (a, c) -> k -> out. With 24 bytes, a must leave while h
// runs.
Problem diamond() {
  return {{{"in", 8, Role::input},
           {"a", 8, Role::activation},
           {"b", 16, Role::activation},
           {"c", 8, Role::activation},
           {"out", 8, Role::output}},
          {{"f", {0}, {1}}, {"g", {1}, {2}}, {"h", {2}, {3}}, {"k", {1, 3}, {4}}}};
}

TEST(SecondLevel, KeepsWhatLeavesTheScratchpad) {
  ThreadPool pool(1);
  const Plan plan = solve_second_level(diamond(), 24, {8, 0}, {}, pool);
  ASSERT_TRUE(plan.second_level);
  EXPECT_EQ(plan.traffic_bytes, 16);
  EXPECT_EQ(plan.second_level->residencies, (std::vector<Residency>{{1, 2, 3, 0}}));
  EXPECT_EQ(plan.second_level->off_chip_bytes, 0);
  EXPECT_EQ(plan.second_level->moved_bytes, 16);
  EXPECT_EQ(plan.status, Status::optimal);
  const Plan small = solve_second_level(diamond(), 24, {7, 0}, {}, pool);
  EXPECT_EQ(small.second_level->off_chip_bytes, 16);
  // 16 either way: it stays off chip
  const Plan dear = solve_second_level(diamond(), 24, {8, 1}, {}, pool);
  EXPECT_EQ(dear.second_level->cost, 16);
  EXPECT_EQ(dear.second_level->moved_bytes, 0);
  EXPECT_EQ(dear.second_level->lower_bound_cost, 0);
  EXPECT_EQ(dear.status, Status::feasible);
}

TEST(SecondLevel, ASpoiltAddressIsNoticedInItsArena) {
  ThreadPool pool(1);
  const Problem problem = diamond();
  Plan plan = solve_second_level(problem, 24, {8, 0}, {}, pool);
  scratchpad::HashOperators operators(problem, 5);
  const auto contents = scratchpad::random_contents(problem, 9);
  plan.second_level->residencies[0].address = 1;
  EXPECT_THROW(scratchpad::execute(problem, plan, operators, contents), Error);
  EXPECT_THROW(require_valid(problem, plan), Error);
  plan.second_level->residencies[0] = {1, 1, 3, 0};  // never written
  EXPECT_NE(scratchpad::execute(problem, plan, operators, contents).outputs,
            scratchpad::execute_unconstrained(problem, operators, contents));
}

// More candidates than are searched exactly.
TEST(SecondLevel, FindsAValidSplitOfManyAbsences) {
  ThreadPool pool(1);
  Rng rng(4, 78);
  Problem problem;
  problem.tensors.push_back({"big", 200, Role::activation});
  for (int i = 0; i < 40; ++i)
    problem.tensors.push_back({"t" + std::to_string(i), rng.between(3, 9), Role::activation});
  problem.tensors.push_back({"y", 1, Role::output});
  Operator last{"last", {}, {41}};
  for (TensorId t = 1; t <= 40; ++t) {
    problem.operators.push_back({"make" + std::to_string(t), {}, {t}});
    last.inputs.push_back(t);
  }
  Operator wide{"wide", {1}, {0}};
  for (TensorId t = 2; t <= 40; ++t) problem.operators[t - 1].inputs = {t - 1};
  wide.inputs = {40};
  problem.operators.push_back(wide);
  last.inputs.push_back(0);
  problem.operators.push_back(last);
  const std::int64_t bytes = required_size(problem, 1).bytes;
  problem.operators[40].workspace = bytes - 200 - problem.tensors[40].bytes;
  SolveOptions options;
  options.limits.effort = 50'000'000;
  const Plan plan = solve_second_level(problem, bytes, {120, 0}, options, pool);
  ASSERT_TRUE(plan.second_level);
  EXPECT_GT(plan.second_level->residencies.size(), 10U);
  EXPECT_GE(plan.traffic_bytes - plan.second_level->off_chip_bytes, 2 * 110);  // all but full
}

TEST(SecondLevel, IsRefusedOutOfRange) {
  ThreadPool pool(1);
  EXPECT_THROW(solve_second_level(diamond(), 24, {0, 0}, {}, pool), Error);
  EXPECT_THROW(solve_second_level(diamond(), 24, {8, -1}, {}, pool), Error);
  EXPECT_THROW(solve_second_level(diamond(), 24, {8, 2}, {}, pool), Error);
}

}  // namespace
}  // namespace pliant::plan
