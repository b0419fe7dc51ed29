// Programs written step by step: sums with plaintexts, negation, factors, what is claimed.
#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/plan/finish.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

constexpr std::int64_t kSlots = 8;

// -(x * 3 w + 2), w in the clear and twice at the first slot.
Plan affine(double claim) {
  EinsumProblem problem{.text = "affine",
                        .inputs = {{.shape = {4}}, {.shape = {4}, .secret = false}},
                        .input_labels = {"i", "i"}};
  const PlanOptions options{.slots = kSlots};
  ProgramBuilder builder = new_builder(problem, options);
  const PlacedTensor x = begin(problem, builder)[0];
  const ClearId w = builder.clear({{1}, {{4}}, {"i"}, {4}, "i"});
  const CipherId product = builder.rescale(
      builder.multiply(x.ciphertexts.at(0), Plain{w, {{0, 0}, {0, 0}, {1, 1}, {2, 2}, {3, 3}}, 3}));
  const CipherId sum =
      builder.add(product, Plain{ClearId::none, {{0, 0}, {1, 0}, {2, 0}, {3, 0}}, 2});
  const CipherId result = builder.negate(sum);
  builder.claim(result, claim);
  return finish(problem, builder, {{x.layout, {{0, result}}}}, options);
}

void expect_affine(Backend& backend) {
  const std::vector<Tensor> tensors = random_tensors({{4}, {4}}, 3);
  const Decrypted got = run(affine(8), backend, views(tensors));
  for (std::size_t i = 0; i < 4; ++i) {
    const double w = tensors[1].span<double>()[i] * (i == 0 ? 2 : 1);
    EXPECT_NEAR(got.outputs[0].span<double>()[i], -(tensors[0].span<double>()[i] * 3 * w + 2),
                got.error_bound + 1e-12);
  }
  EXPECT_LT(got.error_bound, 1e-5);
}

TEST(Program, AddsPlaintextsAndNegates) {
  Simulator simulator({.slots = kSlots, .levels = 1});
  expect_affine(simulator);
  Engine engine({.log_n = 10, .levels = 1, .insecure_for_tests = true}, kSlots,
                {.seed_of_test = ckks::Seed{1}});
  expect_affine(engine);
}

TEST(Program, BoundsFactorsAndWhatIsClaimed) {
  const auto magnitude = [](const Plan& plan) {
    return plan.program.values[plan.program.outputs[0]].magnitude;
  };
  EXPECT_EQ(magnitude(affine(100)), 8);  // 2 * 3 + 2
  EXPECT_EQ(magnitude(affine(5)), 5);
}

// It was rotated by a key for 0.
TEST(Program, GiantStepOfAWholeCiphertextIsNoRotation) {
  const SlotLayout layout{.slots = 8, .axes = {{'i', 2, 1}}};
  const Split split{{{.step = 8, .first = 0, .last = 1, .weights = {{'i', 1}}}}, {1}};
  ASSERT_EQ(split.stride(), 8);
  EXPECT_EQ(turns(split, layout, layout).stride, 0);
}

TEST(Program, TellsWhatIsAboveItsClaim) {
  Simulator simulator({.slots = kSlots, .levels = 1});
  const std::vector<Tensor> tensors = random_tensors({{4}, {4}}, 3);
  const Error error = thrown_by([&] { run(affine(.5), simulator, views(tensors)); });
  EXPECT_NE(std::string(error.what()).find("above the stated bound 0.5"), std::string::npos);
}

}  // namespace
}  // namespace pliant::einsum
