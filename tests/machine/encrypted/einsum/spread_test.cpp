// Operands that are spread over the ciphertexts of a product by one linear transform.
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

// Batches of products of 4 * 4 by 4 * 4 matrices: the batch in neighbouring slots, halves of rows
// and columns over ciphertexts.
struct Batches {
  std::vector<Shape> shapes{{4, 2, 2, 2, 2}, {4, 2, 2, 2, 2}};
  const char* expression = "bIiJj,bJjKk->bIiKk";
  std::vector<EinsumOperand> operands() const {
    std::vector<EinsumOperand> result;
    for (const std::string labels : {"bIiJj", "bJjKk"}) {
      SlotLayout layout{.slots = 16};
      const std::int64_t strides[] = {1, 32, 8, 16, 4};
      for (std::size_t i = 0; i < labels.size(); ++i)
        layout.axes.push_back({labels[i], shapes[0][i], strides[i]});
      result.push_back({.shape = shapes[0], .layout = layout});
    }
    return result;
  }
};

bool is_spread(const Plan& plan) {
  return std::ranges::any_of(plan.program.steps, [](const ProgramStep& step) {
    const auto* transform = std::get_if<Transform>(&step.action);
    return transform != nullptr && step.out.size() > transform->of.size();
  });
}

TEST(Spread, MultipliesBatchesOfMatrices) {
  const Batches batches;
  const Plan plan = einsum::plan(batches.expression, batches.operands(), {.slots = 16});
  EXPECT_TRUE(is_spread(plan)) << explain(plan);
  const Counts c = counts(plan.program);
  EXPECT_EQ(c.products, 16);  // 4 * 4 * 4 of them, in slots of 4
  EXPECT_EQ(c.key_switches, 4 * 2 + 4 * 1 + 4) << explain(plan);  // one operand goes round
  EXPECT_EQ(c.levels, 2);
  const std::vector<Tensor> tensors = random_tensors(batches.shapes, 3);
  const Tensor want = reference(batches.expression, views(tensors));
  Simulator simulator({.slots = 16, .levels = plan.levels()});
  EXPECT_LT(difference(run(plan, simulator, views(tensors)).outputs[0], want), 1e-9);
  Engine engine({.log_n = 10, .levels = plan.levels(), .insecure_for_tests = true}, 16,
                {.seed_of_test = ckks::Seed{7}});
  const Decrypted result = run(plan, engine, views(tensors));
  EXPECT_LE(difference(result.outputs[0], want), result.error_bound);
  EXPECT_LT(result.error_bound, 1e-4);
}

// Products of random matrices in few slots, wherever the operands lie and whatever their sizes.
bool expect_product_right(std::uint64_t seed) {
  Rng rng(seed);
  std::map<char, std::int64_t> sizes;
  for (const char label : std::string("bijk")) sizes[label] = rng.between(1, 6);
  std::vector<EinsumOperand> operands;
  std::vector<Shape> shapes;
  const std::int64_t slots = std::int64_t{1} << rng.between(2, 5);
  for (std::string labels : {"bij", "bjk"}) {
    SlotLayout layout{.slots = slots};
    Shape shape;
    std::map<char, std::int64_t> strides;
    std::string order = labels;
    std::shuffle(order.begin(), order.end(), rng);
    std::int64_t stride = 1;
    for (const char label : order) {
      strides[label] = stride;
      stride *= padded(sizes[label]) * (rng.below(5) == 0 ? 2 : 1);
    }
    for (const char label : labels) {
      layout.axes.push_back({label, sizes[label], strides[label]});
      shape.push_back(sizes[label]);
    }
    shapes.push_back(shape);
    operands.push_back({.shape = shape, .layout = layout});
  }
  PlanOptions options{.slots = slots, .canonical = rng.below(3) == 0, .clean = rng.below(3) == 0};
  options.costs.diagonal = 0.001;  // transforms win
  options.most_ciphertexts = 1 << 12;
  const Plan plan = einsum::plan("bij,bjk->bik", operands, options);
  const std::vector<Tensor> tensors = random_tensors(shapes, seed);
  Simulator simulator({.slots = slots, .levels = plan.levels()});
  EXPECT_LT(difference(run(plan, simulator, views(tensors)).outputs[0],
                       reference("bij,bjk->bik", views(tensors))),
            1e-9)
      << "seed " << seed << "\n"
      << explain(plan);
  return is_spread(plan);
}

TEST(Spread, AgreesWithTheReference) {
  int spread = 0;
  for (std::uint64_t seed = 0; seed < 120 && !HasFailure(); ++seed)
    spread += expect_product_right(seed);
  EXPECT_GT(spread, 20);
}

// In a full ciphertext distances go round: those of a matrix's 15 diagonals are 8.
TEST(Spread, DiagonalsGoRoundAFullCiphertext) {
  const std::vector<Shape> shapes{{8, 8}, {8, 8}};
  const std::vector<EinsumOperand> operands{{shapes[0], false}, {shapes[1]}};
  const Plan plan = einsum::plan("ij,jk->ik", operands, {.slots = 64, .canonical = true});
  const Counts c = counts(plan.program);
  EXPECT_EQ(c.diagonals, 8) << explain(plan);
  EXPECT_LE(c.rotations, 5) << explain(plan);
  const std::vector<Tensor> tensors = random_tensors(shapes, 3);
  Simulator simulator({.slots = 64, .levels = plan.levels()});
  EXPECT_LT(difference(run(plan, simulator, views(tensors)).outputs[0],
                       reference("ij,jk->ik", views(tensors))),
            1e-9);
}

}  // namespace
}  // namespace pliant::einsum
