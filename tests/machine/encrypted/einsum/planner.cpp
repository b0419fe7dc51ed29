#include "machine/encrypted/einsum/plan/planner.h"

#include <gtest/gtest.h>

#include "machine/encrypted/einsum/benchmarks.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

Counts counts_of(const char* name, bool canonical) {
  for (const Benchmark& b : kBenchmarks)
    if (std::string(name) == b.name)
      return counts(plan(b.expression, all_secret(b.shapes), {.canonical = canonical}).program);
  ADD_FAILURE() << name;
  return {};
}

TEST(Planner, RotatesNoMoreThanPlanned) {
  for (const Benchmark& b : kBenchmarks) {
    EXPECT_LE(counts_of(b.name, false).rotations, b.free) << b.name;
    EXPECT_LE(counts_of(b.name, true).rotations, b.canonical) << b.name;
  }
}

TEST(Planner, BenchmarksAgreeWithTheReference) {
  for (const Benchmark& b : kBenchmarks)
    for (const Planner planner : {Planner::layouts, Planner::einhops}) {
      const Plan plan =
          einsum::plan(b.expression, all_secret(b.shapes), {.planner = planner, .canonical = true});
      const std::vector<Tensor> tensors = random_tensors(b.shapes, 2);
      Simulator simulator({.slots = 16384, .levels = plan.levels()});
      const Result result = run(plan, simulator, views(tensors));
      EXPECT_LT(difference(result.outputs[0], reference(b.expression, views(tensors))), 1e-9)
          << b.name;
    }
}

TEST(Planner, TransposesByOneProgression) {
  const Counts c = counts_of("transpose", true);
  EXPECT_EQ(c.rotations, 30);
  EXPECT_EQ(c.diagonals, 255);
}

TEST(Planner, LeavesMultiHeadScoresWhereTheyFall) {
  const Counts c = counts_of("multi-head scores", false);
  EXPECT_EQ(c.rotations, 13);  // five positions: one less than eight take
  EXPECT_EQ(c.plain_products, 0);
}

// A shift for every distance at once, where all but one meet zeros: no diagonals.
TEST(Planner, SpreadsAndGathersByDoubling) {
  const Counts outer = counts_of("outer", false), row_sum = counts_of("row sum", true);
  EXPECT_EQ(outer.rotations, 21);
  EXPECT_EQ(outer.diagonals, 0);
  EXPECT_EQ(row_sum.rotations, 14);
  EXPECT_EQ(row_sum.plain_products, 1);
}

}  // namespace
}  // namespace pliant::einsum
