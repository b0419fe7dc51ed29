// The two lower bounds, each against its definition by enumeration.
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/bound/cut.h"
#include "plan/random_problem.h"
#include "plan/search/fluid.h"

namespace pliant::plan {
namespace {

bool is_downset(const ScheduleModel& model, std::uint32_t set) {
  for (std::size_t op = 0; op < model.operators.size(); ++op)
    for (const OperatorId before : model.operators[op].before)
      if ((set >> op & 1) != 0 && (set >> before & 1) == 0) return false;
  return true;
}

std::int64_t alive_beside(const ScheduleModel& model, std::uint32_t set, OperatorId op) {
  std::int64_t sum = 0;
  const auto& inputs = model.operators[op].inputs;
  for (std::size_t x = 0; x < model.tracked.size(); ++x) {
    const Tracked& t = model.tracked[x];
    bool made = t.producer >= 0 && (set >> t.producer & 1) != 0, wanted = false;
    for (const OperatorId c : t.consumers) {
      made = made || (t.producer < 0 && (set >> c & 1) != 0);
      wanted = wanted || (set >> c & 1) == 0;
    }
    if (made && wanted &&
        !std::binary_search(inputs.begin(), inputs.end(), static_cast<std::int32_t>(x)))
      sum += t.bytes;
  }
  return sum;
}

std::int64_t least_alive(const ScheduleModel& model, std::uint32_t done, OperatorId op) {
  std::int64_t least = INT64_MAX;
  for (std::uint32_t set = 0; set < 1u << model.operators.size(); ++set) {
    if ((set & done) != done || (set >> op & 1) != 0 || !is_downset(model, set)) continue;
    const auto& before = model.operators[op].before;
    if (std::all_of(before.begin(), before.end(),
                    [&](OperatorId b) { return (set >> b & 1) != 0; }))
      least = std::min(least, alive_beside(model, set, op));
  }
  return least;
}

TEST(Bound, MinimumCutIsTheLeastThatAnyOrderLeavesAlive) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed, 21);
    const ScheduleModel model = make_model(random_problem(rng, {3, 8, 9}), 100, 1);
    const CutFinder cuts(model);
    for (std::uint32_t done = 0; done < 1u << model.operators.size(); ++done) {
      if (!is_downset(model, done)) continue;
      for (std::size_t i = 0; i < model.operators.size(); ++i) {
        const OperatorId op = static_cast<OperatorId>(i);
        if ((done >> i & 1) != 0) continue;
        const Cut cut = cuts.find(Bitset{done}, op);
        ASSERT_EQ(cut.alive, least_alive(model, done, op)) << "seed " << seed;
        ASSERT_EQ(alive_beside(model, static_cast<std::uint32_t>(cut.executed[0]), op), cut.alive)
            << "seed " << seed;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 5000);
}

TEST(Bound, AtTheStartIsNeverAboveTheOptimum) {
  ThreadPool pool(1);
  int tight = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Rng rng(seed, 22);
    const Problem problem = random_problem(rng, {4, 10, 9});
    const ScheduleModel model = make_model(problem, most_required(problem) + rng.below(4), 1);
    const Pressure pressure = make_pressure(model);
    const CutFinder cuts(model);
    const Expansion expansion{&model, &pressure, &cuts, {}, 0, INT64_MAX, [] { return false; }};
    const std::int64_t bound = first_group(expansion).ahead[0];
    Budget budget({.effort = INT64_MAX});
    const std::int64_t least =
        search_fluid(model, pressure, {{false, false, false}}, budget, pool).plan->cost;
    ASSERT_LE(bound, least) << "seed " << seed;
    if (bound > 0 && bound == least) ++tight;
  }
  EXPECT_GT(tight, 50);
}

}  // namespace
}  // namespace pliant::plan
