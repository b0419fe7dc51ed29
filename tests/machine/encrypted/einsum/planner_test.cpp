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
      const Decrypted result = run(plan, simulator, views(tensors));
      EXPECT_LT(difference(result.outputs[0], reference(b.expression, views(tensors))), 1e-9)
          << b.name;
    }
}

TEST(Planner, TransposesByOneProgression) {
  const Counts c = counts_of("transpose", true);
  EXPECT_EQ(c.rotations, 30);
  EXPECT_EQ(c.diagonals, 255);
  EXPECT_EQ(c.keys, 17);  // 15 baby steps, and the giant one forth and back
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

Decrypted simulated(const Plan& plan, const std::vector<Tensor>& tensors) {
  Simulator simulator({.slots = plan.program.slots, .levels = plan.levels()});
  return run(plan, simulator, views(tensors));
}

// A product of all labels would take sixteen ciphertexts: the weights become diagonals.
TEST(Planner, MakesDiagonalsOfPlainWeights) {
  const std::vector<Shape> shapes{{16, 128}, {128, 128}};
  std::vector<EinsumOperand> operands = all_secret(shapes);
  operands[1].secret = false;
  const Plan plan = einsum::plan("bi,oi->bo", operands);
  const Counts c = counts(plan.program);
  EXPECT_EQ(c.diagonals, 255);
  EXPECT_EQ(c.rotations, 30);
  EXPECT_EQ(c.levels, 1);
  const std::vector<Tensor> tensors = random_tensors(shapes, 4);
  EXPECT_LT(difference(simulated(plan, tensors).outputs[0], reference("bi,oi->bo", views(tensors))),
            1e-9);
}

struct AttentionBlock {  // scores, then the weighted sum of them as they fall
  std::vector<Shape> shapes{{2, 8, 4, 16}, {2, 8, 4, 16}, {2, 8, 4, 16}};
  std::vector<Stage> stages{{"bthd,bshd->bhts", {0, 1}}, {"bhts,bshd->bthd", {3, 2}}};
};

TEST(Planner, PlansAChainTogether) {
  const AttentionBlock block;
  const Plan plan = einsum::plan(block.stages, all_secret(block.shapes));
  const std::vector<Tensor> tensors = random_tensors(block.shapes, 5);
  const Tensor scores = reference("bthd,bshd->bhts", {tensors[0].view(), tensors[1].view()});
  const Tensor want = reference("bhts,bshd->bthd", {scores.view(), tensors[2].view()});
  const Decrypted result = simulated(plan, tensors);
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_LT(difference(result.outputs[0], want), 1e-9) << explain(plan);

  const Counts apart =
      counts(einsum::plan(block.stages[0].expression,
                          all_secret({block.shapes[0], block.shapes[1]}), {.canonical = true})
                 .program);
  const Counts second =
      counts(einsum::plan(block.stages[1].expression, all_secret({{2, 4, 8, 8}, block.shapes[2]}))
                 .program);
  const Counts c = counts(plan.program);
  EXPECT_LT(c.rotations, apart.rotations + second.rotations);
  EXPECT_EQ(c.diagonals, 0) << explain(plan);
}

TEST(Planner, GivesEveryUnusedResult) {
  const std::vector<Stage> stages{{"i,i->i", {0, 0}}, {"i->", {1}}, {"i->", {0}}};
  const Plan plan = einsum::plan(stages, all_secret({{6}}), {.slots = 16});
  const std::vector<Tensor> tensors = random_tensors({{6}}, 5);
  const Decrypted result = simulated(plan, tensors);
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_LT(
      difference(result.outputs[0], reference("i,i->", {tensors[0].view(), tensors[0].view()})),
      1e-9);
  EXPECT_LT(difference(result.outputs[1], reference("i->", {tensors[0].view()})), 1e-9);
}

TEST(Planner, SumsOverCiphertextsByAdditions) {
  const std::vector<Shape> shapes{{256, 256}, {256, 256}};  // four ciphertexts each
  const Plan plan = einsum::plan("ij,ij->", all_secret(shapes));
  const Counts c = counts(plan.program);
  EXPECT_EQ(c.rotations, 14);
  EXPECT_EQ(c.products, 4);
  EXPECT_EQ(c.key_switches, 15);  // one relinearisation, after the sum
  const std::vector<Tensor> tensors = random_tensors(shapes, 6);
  EXPECT_LT(difference(simulated(plan, tensors).outputs[0], reference("ij,ij->", views(tensors))),
            1e-9);
}

TEST(Planner, TakesFewerLevelsWhereThereAreFew) {
  const PlanOptions canonical{.canonical = true};
  EXPECT_EQ(einsum::plan("i,j->ij", all_secret({{128}, {128}}), {.levels = 2}).levels(), 2);
  const std::vector<Shape> shapes{{2, 5, 8, 16}, {2, 5, 8, 16}};
  const Plan deep = einsum::plan("bthd,bThd->bhtT", all_secret(shapes), canonical);
  const Plan shallow =
      einsum::plan("bthd,bThd->bhtT", all_secret(shapes), {.canonical = true, .levels = 3});
  EXPECT_GT(deep.levels(), 3);
  EXPECT_LE(shallow.levels(), 3);
  EXPECT_GT(counts(shallow.program).rotations, counts(deep.program).rotations);
}

TEST(Planner, StartsWhereAnotherPlanEnded) {
  const std::vector<Shape> shapes{{6, 5}, {5}};
  const PlanOptions options{.slots = 64};
  const Plan first = einsum::plan("ik,k->i", all_secret(shapes), options);
  const std::vector<EinsumOperand> operands{
      {.shape = {6}, .magnitude = 5, .layout = first.outputs[0].layout}};
  const Plan second = einsum::plan("i->", operands, options);
  const std::vector<Tensor> tensors = random_tensors(shapes, 7);
  Simulator simulator({.slots = 64});
  simulator.make_keys(keys(first.program));
  simulator.make_keys(keys(second.program));
  std::vector<Backend::Cipher> between =
      evaluate(first, simulator, encrypt(first, simulator, views(tensors)), views(tensors));
  const int level = second.program.values[second.program.steps[0].out[0]].level;
  EXPECT_LE(level, first.last_level);
  if (level < first.last_level) between[0] = simulator.lower(between[0], level);
  const Decrypted result = decrypt(
      second, simulator, evaluate(second, simulator, {between}, std::vector<TensorView>(1)));
  EXPECT_LT(difference(result.outputs[0], reference("ik,k->", views(tensors))), 1e-9);
}

TEST(Planner, ExplainsItself) {
  const std::vector<Shape> shapes{{2, 3}, {3}};
  const std::string text =
      explain(einsum::plan("ik,k->i", all_secret(shapes), {.slots = 16, .canonical = true}));
  for (const char* part :
       {"ik,k->i in ciphertexts of 16 slots", "input 0 [2,3]: encrypted, i:2/4 k:3/1",
        "[0] i0k0 i0k1 i0k2 . i1k0 i1k1 i1k2 .", "joint layout", "rejected:", "output 0 [2]",
        "relinearization key at level", "rotation key 1 at level"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

// A weight of 2^23 products in the clear, over two ciphertexts, is still a transform.
TEST(Planner, MultipliesLargeWeightsByDiagonals) {
  const std::vector<EinsumOperand> operands{{{256, 256}, false}, {{256, 128}}};
  const Plan plan = einsum::plan("ij,jk->ik", operands, {.slots = 16384});
  const Counts c = counts(plan.program);
  EXPECT_EQ(c.diagonals, 512) << to_string(c);  // 128 distances, from and to two ciphertexts
  EXPECT_LE(c.rotations, 64) << to_string(c);
  std::int64_t cells = 0;
  for (const Plain& plain : plan.program.plains) cells += std::ssize(plain.cells);
  EXPECT_EQ(cells, 256 * 256 * 128);
}

}  // namespace
}  // namespace pliant::einsum
