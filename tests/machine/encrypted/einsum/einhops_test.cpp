#include "machine/encrypted/einsum/plan/einhops.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

TEST(EinHops, CountsAreThoseOfThePublishedAlgorithm) {
  for (const Benchmark& b : kBenchmarks) {
    const Counts c =
        counts(plan(b.expression, all_secret(b.shapes), {.planner = Planner::einhops}).program);
    EXPECT_EQ(c.rotations, b.rotations) << b.name;
    EXPECT_EQ(c.diagonals, b.diagonals) << b.name;
    EXPECT_EQ(c.plain_products, 1) << b.name;  // the mask
  }
}

TEST(EinHops, AgreesWithTheReference) {
  const std::vector<std::pair<std::string, std::vector<Shape>>> cases{
      {"ij->ji", {{5, 3}}},
      {"ij->i", {{5, 3}}},
      {"ik,kj->ij", {{3, 5}, {5, 2}}},
      {"ij,jk,kl->il", {{3, 4}, {4, 2}, {2, 5}}},
      {"bthd,bThd->bhtT", {{1, 3, 2, 4}, {1, 3, 2, 4}}},
  };
  for (const auto& [expression, shapes] : cases)
    for (unsigned secret = 1; secret < 1u << shapes.size(); ++secret) {
      std::vector<EinsumOperand> operands = all_secret(shapes);
      for (std::size_t i = 0; i < operands.size(); ++i) operands[i].secret = secret >> i & 1;
      const Plan plan =
          einsum::plan(expression, operands, {.slots = 1024, .planner = Planner::einhops});
      const std::vector<Tensor> tensors = random_tensors(shapes, 3);
      Simulator simulator({.slots = 1024, .levels = plan.levels()});
      const Decrypted result = run(plan, simulator, views(tensors));
      EXPECT_LT(difference(result.outputs[0], reference(expression, views(tensors))), 1e-9)
          << explain(plan);
      EXPECT_TRUE(plan.outputs[0].layout.clean);
    }
}

TEST(EinHops, RefusesWhatThePublishedCodeGetsWrong) {
  const auto refused = [](const std::string& expression, const std::vector<Shape>& shapes) {
    return thrown_by(
        [&] { plan(expression, all_secret(shapes), {.slots = 64, .planner = Planner::einhops}); });
  };
  EXPECT_EQ(refused("ii->", {{4, 4}}).kind(), ErrorKind::unsupported);
  EXPECT_EQ(refused("i,j->ij", {{16}, {16}}).kind(), ErrorKind::capacity);
  EXPECT_EQ(refused("i->", {{65}}).kind(), ErrorKind::capacity);
  const std::vector<EinsumOperand> placed{{.shape = {4}, .layout = row_major("i", {4}, 64)}};
  EXPECT_EQ(
      thrown_by([&] { plan("i->", placed, {.slots = 64, .planner = Planner::einhops}); }).kind(),
      ErrorKind::unsupported);
}

}  // namespace
}  // namespace pliant::einsum
