// Every expression of the list, encrypted in every combination, on the simulator against the
// reference evaluator.
#include <gtest/gtest.h>

#include "machine/encrypted/einsum/must_pass.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

void expect_exact(const Case& c, unsigned secret, const PlanOptions& options) {
  std::vector<EinsumOperand> operands;
  for (std::size_t i = 0; i < c.shapes.size(); ++i)
    operands.push_back({c.shapes[i], (secret >> i & 1) != 0});
  const std::vector<Tensor> tensors = random_tensors(c.shapes, 1);
  const Plan plan = einsum::plan(c.expression, operands, options);
  Simulator simulator({.slots = options.slots, .levels = plan.levels()});
  const Decrypted result = run(plan, simulator, views(tensors));
  EXPECT_LT(difference(result.outputs[0], reference(c.expression, views(tensors))), 1e-9)
      << explain(plan);
}

void expect_exact(const PlanOptions& options) {
  for (const Case& c : kMustPass)
    for (unsigned secret = 1; secret < 1u << c.shapes.size(); ++secret) {
      SCOPED_TRACE(c.expression);
      SCOPED_TRACE(secret);
      expect_exact(c, secret, options);
    }
}

TEST(MustPass, InOneCiphertext) { expect_exact({.slots = 1024}); }
TEST(MustPass, Canonical) { expect_exact({.slots = 1024, .canonical = true}); }
TEST(MustPass, CanonicalAndClean) {
  expect_exact({.slots = 1024, .canonical = true, .clean = true});
}
TEST(MustPass, ByPowersOfTwo) {
  expect_exact({.slots = 1024, .canonical = true, .rotations = Rotations::powers});
  expect_exact({.slots = 8, .rotations = Rotations::signed_powers});
}
TEST(MustPass, PackedAsSuitsThePlan) {
  expect_exact({.slots = 1024, .free_inputs = true});
  expect_exact({.slots = 8, .canonical = true, .free_inputs = true});
}
TEST(MustPass, InSeveralCiphertexts) { expect_exact({.slots = 8}); }
TEST(MustPass, CanonicalInSeveralCiphertexts) { expect_exact({.slots = 8, .canonical = true}); }

}  // namespace
}  // namespace pliant::einsum
