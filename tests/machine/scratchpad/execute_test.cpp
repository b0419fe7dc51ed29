#include "machine/scratchpad/execute.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "machine/scratchpad/arena.h"
#include "machine/scratchpad/compare.h"

namespace pliant::scratchpad {
namespace {

using plan::Action;
using plan::Plan;
using plan::Problem;
using plan::Role;

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

Plan spilling_plan() {
  Plan plan;
  plan.scratchpad_bytes = 24;
  plan.order = {0, 1, 2, 3};
  plan.workspaces = {0, 0, 0, 0};
  plan.residencies = {{0, 0, 0, 8}, {1, 0, 1, 0}, {2, 1, 2, 8},
                      {3, 2, 3, 0}, {1, 3, 3, 8}, {4, 3, 3, 16}};
  plan.events = {{0, Action::load, 0},  {0, Action::drop, 0}, {1, Action::store, 1},
                 {1, Action::drop, 1},  {2, Action::drop, 2}, {3, Action::load, 1},
                 {3, Action::store, 4}, {3, Action::drop, 1}, {3, Action::drop, 3},
                 {3, Action::drop, 4}};
  plan.traffic_bytes = 16;
  plan.compulsory_bytes = 16;
  return plan;
}

struct Fixture {
  Problem problem = diamond();
  HashOperators operators{problem, 7};
  Contents contents = random_contents(problem, 3);
  Contents wanted = execute_unconstrained(problem, operators, contents);
};

TEST(Execute, GivesTheUnconstrainedOutputsAndCountsBytes) {
  Fixture f;
  const Execution run = execute(f.problem, spilling_plan(), f.operators, f.contents);
  EXPECT_EQ(run.outputs, f.wanted);
  EXPECT_EQ(run.traffic_bytes(), 16);
  EXPECT_EQ(run.load_bytes, 8);
  EXPECT_EQ(run.store_bytes, 8);
  EXPECT_EQ(run.compulsory_bytes, 16);
  EXPECT_EQ(run.highest_byte, 24);
}

TEST(Execute, IsComparedWithARunWithoutLimits) {
  Fixture f;
  const std::vector<Contents> frames{f.contents, f.contents};
  Plan plan = spilling_plan();
  const Comparison right = compare_with_unlimited(f.problem, plan, f.operators, frames);
  EXPECT_TRUE(right.outputs_equal);
  EXPECT_EQ(right.traffic_bytes, 16);
  EXPECT_EQ(right.frames, 2);
  plan.traffic_bytes = 8;  // a false claim
  EXPECT_THROW(compare_with_unlimited(f.problem, plan, f.operators, frames), Error);
  plan = spilling_plan();
  std::erase(plan.events, plan::Event{0, Action::load, 0});
  plan.compulsory_bytes = 8;
  EXPECT_FALSE(compare_with_unlimited(f.problem, plan, f.operators, frames).outputs_equal);
}

TEST(Execute, AMissingLoadComputesNonsense) {
  Fixture f;
  Plan plan = spilling_plan();
  std::erase(plan.events, plan::Event{3, Action::load, 1});
  EXPECT_NE(execute(f.problem, plan, f.operators, f.contents).outputs, f.wanted);
}

TEST(Execute, AMissingFirstLoadComputesNonsense) {
  Fixture f;
  Plan plan = spilling_plan();
  std::erase(plan.events, plan::Event{0, Action::load, 0});
  EXPECT_NE(execute(f.problem, plan, f.operators, f.contents).outputs, f.wanted);
}

TEST(Execute, AMissingStoreIsACopyFromNowhere) {
  Fixture f;
  Plan plan = spilling_plan();
  std::erase(plan.events, plan::Event{1, Action::store, 1});
  EXPECT_THROW(execute(f.problem, plan, f.operators, f.contents), Error);
}

TEST(Execute, OverlappingAddressesComputeNonsense) {
  for (std::size_t i = 0; i < spilling_plan().residencies.size(); ++i) {
    for (const std::int64_t shift : {-1, 1}) {
      Fixture f;
      Plan plan = spilling_plan();
      plan.residencies[i].address += shift;
      bool noticed = false;
      try {
        noticed = execute(f.problem, plan, f.operators, f.contents).outputs != f.wanted;
      } catch (const Error&) {
        noticed = true;  // left the arena
      }
      // The input alone may move by a byte: nothing stands beside it but a, which is written after
      // it is read.
      const bool harmless = i == 0 && shift == 1;
      EXPECT_EQ(noticed, !harmless) << "residency " << i << " by " << shift;
    }
  }
}

TEST(Execute, AResultOverAnInputIsRightOnlyWhereThatIsPermitted) {
  Problem problem{{{"in", 8, Role::input}, {"a", 8, Role::activation}, {"out", 8, Role::output}},
                  {{"f", {0}, {1}}, {"g", {1}, {2}, 0, {{2, 1}}}}};
  HashOperators operators(problem, 7);
  const Contents contents = random_contents(problem, 3),
                 wanted = execute_unconstrained(problem, operators, contents);
  Plan plan;
  plan.scratchpad_bytes = 16;
  plan.order = {0, 1};
  plan.workspaces = {0, 0};
  plan.residencies = {{0, 0, 0, 0}, {1, 0, 1, 8}, {2, 1, 1, 8}};
  plan.events = {{0, Action::load, 0},
                 {0, Action::drop, 0},
                 {1, Action::store, 2},
                 {1, Action::drop, 1},
                 {1, Action::drop, 2}};
  EXPECT_EQ(execute(problem, plan, operators, contents).outputs, wanted);
  Plan shifted = plan;
  shifted.residencies[2].address = 4;
  EXPECT_NE(execute(problem, shifted, operators, contents).outputs, wanted);
  problem.operators[1].in_place.clear();
  EXPECT_NE(execute(problem, plan, operators, contents).outputs, wanted);
}

TEST(Execute, RefusesARunWithAGap) {
  Fixture f;
  f.problem.operators[3].adjacent = {{3, 1}};  // k reads c at 0 and a at 8
  EXPECT_EQ(execute(f.problem, spilling_plan(), f.operators, f.contents).outputs,
            execute_unconstrained(f.problem, f.operators, f.contents));
  f.problem.operators[3].adjacent = {{1, 3}};
  EXPECT_THROW(execute(f.problem, spilling_plan(), f.operators, f.contents), Error);
}

TEST(Execute, RefusesAddressesOutsideTheArena) {
  for (const std::int64_t address : {std::int64_t{-1}, std::int64_t{17}, std::int64_t{1} << 62}) {
    Fixture f;
    Plan plan = spilling_plan();
    plan.residencies.back().address = address;
    EXPECT_THROW(execute(f.problem, plan, f.operators, f.contents), Error) << address;
  }
}

TEST(Execute, RefusesAnOperandThatIsNowhere) {
  Fixture f;
  Plan plan = spilling_plan();
  std::erase(plan.residencies, plan::Residency{3, 2, 3, 0});
  EXPECT_THROW(execute(f.problem, plan, f.operators, f.contents), Error);
}

TEST(Execute, RefusesTheOrderOfAnotherProblem) {
  Fixture f;
  Plan plan = spilling_plan();
  plan.order.pop_back();
  EXPECT_THROW(execute(f.problem, plan, f.operators, f.contents), Error);
}

TEST(Execute, AWorkspaceThatOverlapsATensorShows) {
  Fixture f;
  f.problem.operators[3].workspace = 4;
  Plan plan = spilling_plan();
  plan.scratchpad_bytes = 28;
  plan.workspaces[3] = 24;
  EXPECT_EQ(execute(f.problem, plan, f.operators, f.contents).outputs, f.wanted);
  plan.workspaces[3] = 26;
  EXPECT_THROW(execute(f.problem, plan, f.operators, f.contents), Error);
  // over the output, which is written after the workspace: its old bytes must not survive
  plan.workspaces[3] = 20;
  EXPECT_NE(execute(f.problem, plan, f.operators, f.contents).outputs, f.wanted);
}

// Two frames with other inputs in one arena: w is loaded once for both, v in each.
TEST(Execute, RunsFrameAfterFrame) {
  const Problem problem{{{"x", 8, Role::input},
                         {"w", 8, Role::weight},
                         {"t", 8, Role::activation},
                         {"v", 8, Role::weight},
                         {"y", 8, Role::output}},
                        {{"f", {0, 1}, {2}}, {"g", {1, 2, 3}, {4}}}};
  Plan plan;
  plan.scratchpad_bytes = 32;
  plan.order = {0, 1};
  plan.workspaces = {0, 0};
  plan.residencies = {{0, 0, 0, 8}, {1, 0, 1, 0}, {2, 0, 1, 16}, {3, 1, 1, 24}, {4, 1, 1, 8}};
  plan.frame.emplace();
  plan.frame->pinned = {1};
  plan::derive_events(problem, plan);
  HashOperators operators(problem, 7);
  std::vector<Contents> frames{random_contents(problem, 3), random_contents(problem, 4)};
  frames[1][1] = frames[0][1];
  frames[1][3] = frames[0][3];
  const std::vector<Execution> runs = execute_frames(problem, plan, operators, frames);
  ASSERT_EQ(runs.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(runs[i].outputs, execute_unconstrained(problem, operators, frames[i])) << i;
    EXPECT_EQ(runs[i].moved_bytes(), plan.frame->bytes);
    EXPECT_EQ(runs[i].loads, 2);
  }
  EXPECT_NE(runs[0].outputs, runs[1].outputs);
  plan.residencies[4].address = 4;  // over the pinned weight: the second frame shows it
  const std::vector<Execution> spoilt = execute_frames(problem, plan, operators, frames);
  EXPECT_NE(spoilt[1].outputs, execute_unconstrained(problem, operators, frames[1]));
  frames[0][1].clear();
  EXPECT_THROW(execute_frames(problem, plan, operators, frames), Error);
}

// c moves by half its length, over its own bytes.
TEST(Execute, MovesWithinTheArena) {
  Fixture f;
  Plan plan = spilling_plan();
  plan.scratchpad_bytes = 32;
  plan.residencies = {{0, 0, 0, 8}, {1, 0, 1, 0},  {2, 1, 2, 8}, {3, 2, 2, 0},
                      {3, 3, 3, 4}, {1, 3, 3, 12}, {4, 3, 3, 20}};
  plan.costs.move = 1;
  plan::derive_events(f.problem, plan);
  const Execution run = execute(f.problem, plan, f.operators, f.contents);
  EXPECT_EQ(run.outputs, f.wanted);
  EXPECT_EQ(run.moves, 1);
  EXPECT_EQ(run.move_bytes, 8);
  EXPECT_EQ(run.traffic_bytes(), plan.traffic_bytes);
  EXPECT_EQ(plan.cost, plan.traffic_bytes + 8);
  std::erase_if(plan.events, [](const plan::Event& event) { return event.action == Action::move; });
  EXPECT_NE(execute(f.problem, plan, f.operators, f.contents).outputs, f.wanted);
}

class Overrunner : public Operators {
 public:
  void run(plan::OperatorId, std::span<const std::span<std::byte>>,
           std::span<const std::span<std::byte>> outputs, std::span<std::byte>) override {
    for (const auto output : outputs) std::fill_n(output.data(), output.size() + 1, std::byte{1});
  }
};

TEST(Execute, NoticesAnOperatorThatWritesBeyondTheArena) {
  Fixture f;
  Overrunner overrunner;
  EXPECT_THROW(execute(f.problem, spilling_plan(), overrunner, f.contents), Error);
}

TEST(Arena, IsExactlyAsLargeAsAskedAlignedAndPoisoned) {
  for (const std::int64_t size : {0, 1, 63, 64, 4095, 4096, 4097, 1000000}) {
    const Arena arena(size);
    ASSERT_EQ(arena.bytes().size(), static_cast<std::size_t>(size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.bytes().data()) % 64, 0U);
    std::ranges::fill(arena.bytes(), std::byte{9});
    EXPECT_TRUE(arena.intact());
    if (size % 64 != 0) {
      arena.bytes().data()[size] = std::byte{1};
      EXPECT_FALSE(arena.intact());
    }
  }
  EXPECT_THROW(Arena(-1), Error);
  EXPECT_THROW(Arena(std::int64_t{1} << 62), Error);
}

// The kernel answers EFAULT for what the process cannot touch.
bool readable(const std::byte* address) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const bool ok = write(ends[1], address, 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return ok;
}

TEST(Arena, LiesBetweenGuardPages) {
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  const Arena arena(page);
  EXPECT_TRUE(readable(arena.bytes().data()));
  EXPECT_TRUE(readable(arena.bytes().data() + page - 1));
  EXPECT_FALSE(readable(arena.bytes().data() + page));
  EXPECT_FALSE(readable(arena.bytes().data() - 1));
}

}  // namespace
}  // namespace pliant::scratchpad
