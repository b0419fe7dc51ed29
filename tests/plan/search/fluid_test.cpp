// The fluid search against a plain Dijkstra that knows no pruning: residency of every tensor, any
// eviction, any order.
#include "plan/search/fluid.h"

#include <gtest/gtest.h>

#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "plan/random_problem.h"
#include "plan/schedule/schedule.h"

namespace pliant::plan {
namespace {

// Per tensor: 0 not yet on chip, 1 on chip without copy, 2 on chip with copy, 3 off chip with copy.
using Residence = std::string;
using State = std::pair<std::uint32_t, Residence>;

class FluidOracle {
 public:
  FluidOracle(const Problem& problem, std::int64_t capacity, const Costs& costs = {})
      : problem_(problem), capacity_(capacity), costs_(costs) {}

  std::int64_t cheapest() {
    push(0, {0, Residence(problem_.tensors.size(), 0)});
    const std::uint32_t all = (1u << problem_.operators.size()) - 1;
    while (!queue_.empty()) {
      const auto [cost, state] = queue_.top();
      queue_.pop();
      if (state.first == all) return cost;
      if (!closed_.insert(state).second) continue;
      leave(cost, state);
      for (std::size_t op = 0; op < problem_.operators.size(); ++op) run(cost, state, op);
    }
    return -1;
  }

 private:
  void push(std::int64_t cost, State state) {
    const auto [at, fresh] = best_.try_emplace(state, cost);
    if (!fresh && at->second <= cost) return;
    at->second = cost;
    queue_.emplace(cost, std::move(state));
  }

  bool given(std::size_t t) const {
    return problem_.tensors[t].role == Role::input || problem_.tensors[t].role == Role::weight;
  }

  // A tensor may leave, or come back, between any two steps.
  void leave(std::int64_t cost, const State& state) {
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      State next = state;
      const std::int64_t bytes = problem_.tensors[t].bytes;
      if (state.second[t] == 1 || state.second[t] == 2) {
        next.second[t] = 3;
        push(cost + (state.second[t] == 1 ? bytes * costs_.write : 0), std::move(next));
      } else if (state.second[t] == 3) {
        next.second[t] = 2;
        if (used(next.second) <= capacity_) push(cost + bytes * costs_.read, std::move(next));
      }
    }
  }

  std::int64_t used(const Residence& residence) const {
    std::int64_t sum = 0;
    for (std::size_t t = 0; t < residence.size(); ++t)
      if (residence[t] == 1 || residence[t] == 2) sum += problem_.tensors[t].bytes;
    return sum;
  }

  bool dead(std::uint32_t done, TensorId t) const {
    for (std::size_t op = 0; op < problem_.operators.size(); ++op)
      for (const TensorId in : problem_.operators[op].inputs)
        if (in == t && (done >> op & 1) == 0) return false;
    return true;
  }

  void run(std::int64_t cost, const State& state, std::size_t op) {
    const Operator& o = problem_.operators[op];
    if ((state.first >> op & 1) != 0) return;
    State next{state.first | 1u << op, state.second};
    for (const TensorId t : o.inputs) {
      char& now = next.second[t];
      if (now == 0 && given(t)) now = 2;  // the first load is free
      if (now != 1 && now != 2) return;
    }
    for (const TensorId t : o.outputs)
      next.second[t] = problem_.tensors[t].role == Role::output ? 2 : 1;
    std::int64_t shared = 0;
    for (const InPlace& pair : o.in_place) shared += problem_.tensors[pair.input].bytes;
    if (used(next.second) + o.workspace - shared > capacity_) return;
    for (std::size_t t = 0; t < next.second.size(); ++t)
      if (next.second[t] != 0 && dead(next.first, static_cast<TensorId>(t))) next.second[t] = 0;
    push(cost, std::move(next));
  }

  using Entry = std::pair<std::int64_t, State>;
  const Problem& problem_;
  std::int64_t capacity_;
  Costs costs_;
  std::map<State, std::int64_t> best_;
  std::set<State> closed_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

FluidAnswer solve_fluid(const Problem& problem, std::int64_t capacity, const Rules& rules,
                        ThreadPool& pool, const Costs& costs = {}) {
  const ScheduleModel model = make_model(problem, capacity, 1, costs);
  const Pressure pressure = make_pressure(model);
  FluidQuery query;
  query.rules = rules;
  Budget budget({.effort = INT64_MAX});
  return search_fluid(model, pressure, query, budget, pool);
}

TEST(Fluid, EqualsAPlainSearchOnRandomProblems) {
  ThreadPool pool(1);
  int traffic = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Rng rng(seed, 1);
    const Problem problem = random_problem(rng, {2, 8, 4});
    const std::int64_t capacity = most_required(problem) + rng.below(3);
    const FluidAnswer answer = solve_fluid(problem, capacity, {}, pool);
    ASSERT_TRUE(answer.complete && answer.plan) << "seed " << seed;
    ASSERT_EQ(answer.plan->cost, FluidOracle(problem, capacity).cheapest()) << "seed " << seed;
    if (answer.plan->cost > 0) ++traffic;
  }
  EXPECT_GT(traffic, 300);  // otherwise the comparison would show little
}

TEST(Fluid, EveryCombinationOfRulesGivesTheSameOptimum) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Rng rng(seed, 2);
    const Problem problem = random_problem(rng, {8, 13, 9});
    const std::int64_t capacity = most_required(problem) + rng.below(4);
    const std::int64_t expected = solve_fluid(problem, capacity, {}, pool).plan->cost;
    for (int bits = 0; bits < 15; ++bits) {
      const Rules rules{(bits & 1) != 0, (bits & 8) != 0, (bits & 2) != 0, (bits & 4) != 0};
      ASSERT_EQ(solve_fluid(problem, capacity, rules, pool).plan->cost, expected)
          << "seed " << seed << " rules " << bits;
    }
  }
}

TEST(Fluid, EqualsAPlainSearchOnProblemsWithResultsInPlace) {
  ThreadPool pool(1);
  int traffic = 0, pairs = 0, below = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Rng rng(seed, 5);
    Problem problem = random_problem(rng, {2, 8, 3});
    const std::int64_t without = most_required(problem);
    pairs += add_in_place_pairs(problem, rng);
    const std::int64_t capacity = most_required(problem) + rng.below(3);
    below += capacity < without;
    const std::int64_t expected = FluidOracle(problem, capacity).cheapest();
    for (const bool on : {true, false}) {
      const FluidAnswer answer = solve_fluid(problem, capacity, {on, on, on, on}, pool);
      ASSERT_TRUE(answer.complete && answer.plan) << "seed " << seed;
      ASSERT_EQ(answer.plan->cost, expected) << "seed " << seed;
    }
    traffic += expected > 0;
  }
  EXPECT_GT(pairs, 1000);
  EXPECT_GT(below, 200);  // scratchpads in which nothing would run without
  EXPECT_GT(traffic, 300);
}

// A third of the operators make constants; half of those need too much beside their result to wait.
Problem problem_with_constants(Rng& rng) {
  Problem problem = random_problem(rng, {2, 5, 4});
  const std::size_t operators = problem.operators.size();
  for (std::int64_t i = rng.between(1, 3); i > 0; --i) {
    const TensorId made = static_cast<TensorId>(problem.tensors.size());
    problem.tensors.push_back({"c" + std::to_string(i), rng.between(1, 4), Role::activation});
    for (std::int64_t uses = rng.between(1, 2); uses > 0; --uses) {
      auto& inputs = problem
                         .operators[problem.operators.size() - 1 -
                                    rng.below(static_cast<std::int64_t>(operators))]
                         .inputs;
      if (std::find(inputs.begin(), inputs.end(), made) == inputs.end()) inputs.push_back(made);
    }
    problem.operators.insert(problem.operators.begin(),
                             {"make" + std::to_string(i), {}, {made}, 6 * rng.below(2)});
  }
  return problem;
}

TEST(Fluid, ConstantsMayWaitForTheirFirstConsumer) {
  ThreadPool pool(1);
  int waiting = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng(seed, 4);
    const Problem problem = problem_with_constants(rng);
    const std::int64_t capacity = most_required(problem) + rng.below(2);
    for (const ModelOperator& op : make_model(problem, capacity, 1).operators) waiting += op.waits;
    const FluidAnswer answer = solve_fluid(problem, capacity, {}, pool);
    ASSERT_TRUE(answer.complete && answer.plan) << "seed " << seed;
    ASSERT_EQ(answer.plan->cost, FluidOracle(problem, capacity).cheapest()) << "seed " << seed;
  }
  EXPECT_GT(waiting, 300);
}

TEST(Fluid, EqualsAPlainSearchAtOtherCosts) {
  ThreadPool pool(1);
  int dearer = 0;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    Rng rng(seed, 5);
    const Problem problem = random_problem(rng, {2, 8, 4});
    const std::int64_t capacity = most_required(problem) + rng.below(3);
    const Costs costs = several_costs[seed % std::size(several_costs)];
    const FluidAnswer answer = solve_fluid(problem, capacity, {}, pool, costs);
    ASSERT_TRUE(answer.complete && answer.plan) << "seed " << seed;
    ASSERT_EQ(answer.plan->cost, FluidOracle(problem, capacity, costs).cheapest())
        << "seed " << seed;
    const Schedule schedule =
        make_schedule(problem, make_model(problem, capacity, 1), *answer.plan);
    ASSERT_EQ(answer.plan->cost, cost_of(problem, schedule, costs)) << "seed " << seed;
    if (answer.plan->cost > 0) ++dearer;
  }
  EXPECT_GT(dearer, 100);
}

TEST(Fluid, EveryCombinationOfRulesGivesTheSameOptimumAtOtherCosts) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 90; ++seed) {
    Rng rng(seed, 6);
    const Problem problem = random_problem(rng, {8, 13, 9});
    const std::int64_t capacity = most_required(problem) + rng.below(4);
    const Costs costs = several_costs[seed % std::size(several_costs)];
    const std::int64_t expected = solve_fluid(problem, capacity, {}, pool, costs).plan->cost;
    for (int bits = 0; bits < 15; ++bits) {
      const Rules rules{(bits & 1) != 0, (bits & 8) != 0, (bits & 2) != 0, (bits & 4) != 0};
      ASSERT_EQ(solve_fluid(problem, capacity, rules, pool, costs).plan->cost, expected)
          << "seed " << seed << " rules " << bits;
    }
  }
}

TEST(Fluid, IsTheSameAtEveryThreadCount) {
  ThreadPool one(1), two(2), four(4);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, 3);
    const Problem problem = random_problem(rng, {10, 16, 20});
    const std::int64_t capacity = most_required(problem) + rng.below(4);
    const FluidAnswer a = solve_fluid(problem, capacity, {}, one),
                      b = solve_fluid(problem, capacity, {}, two),
                      c = solve_fluid(problem, capacity, {}, four);
    EXPECT_EQ(a.plan->order, b.plan->order);
    EXPECT_EQ(a.plan->evicted, b.plan->evicted);
    EXPECT_EQ(a.plan->order, c.plan->order);
    EXPECT_EQ(a.plan->evicted, c.plan->evicted);
    EXPECT_EQ(a.states, c.states);
  }
}

}  // namespace
}  // namespace pliant::plan
