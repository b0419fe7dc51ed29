// Rotations by powers of two: which keys are left, and that clients and servers agree on them.
#include "machine/encrypted/einsum/program/compose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "machine/encrypted/einsum/must_pass.h"
#include "machine/encrypted/einsum/parties/server.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

TEST(Compose, FirstStepsLeadToEveryDistance) {
  constexpr std::int64_t slots = 64;
  for (const Rotations of : {Rotations::signed_powers, Rotations::powers})
    for (std::int64_t distance = 1; distance < slots; ++distance) {
      std::int64_t left = distance;
      int steps = 0;
      for (; left != 0; ++steps) left = modulo(left - first_step(left, slots, of), slots);
      // a signed form has no two neighbours
      EXPECT_LE(steps, of == Rotations::powers ? 6 : 3) << distance;
    }
  EXPECT_EQ(first_step(63, slots, Rotations::signed_powers), -1);
  EXPECT_EQ(first_step(63, slots, Rotations::powers), 1);
}

std::vector<EinsumOperand> secret_all(const std::vector<Shape>& shapes) {
  std::vector<EinsumOperand> operands;
  for (const Shape& shape : shapes) operands.push_back({shape});
  return operands;
}

TEST(Compose, NeedsKeysOfPowersAlone) {
  constexpr std::int64_t slots = 256;
  std::size_t most = 0;
  for (const Case& each : kMustPass)
    for (const Rotations of : {Rotations::signed_powers, Rotations::powers}) {
      const KeyNeed need = keys(plan(each.expression, secret_all(each.shapes),
                                     {.slots = slots, .canonical = true, .rotations = of})
                                    .program);
      most = std::max(most, need.rotations.size());
      EXPECT_LE(need.rotations.size(), of == Rotations::powers ? 8u : 15u) << each.expression;
      for (const KeyNeed::Rotation& rotation : need.rotations) {
        const bool forth = std::has_single_bit(static_cast<std::uint64_t>(rotation.steps)),
                   back = std::has_single_bit(static_cast<std::uint64_t>(slots - rotation.steps));
        EXPECT_TRUE(forth || (back && of == Rotations::signed_powers))
            << each.expression << ", " << rotation.steps;
      }
    }
  EXPECT_GT(most, 8u);
}

TEST(Compose, IsAgreedOn) {
  Agreement agreement{.expression = "ij->ji",
                      .operands = {{.shape = {12, 10}}},
                      .options = {.slots = 512, .canonical = true, .rotations = Rotations::powers},
                      .params = {.log_n = 10, .levels = 3, .insecure_for_tests = true}};
  Client client(agreement);
  const SecretBytes file = client.server_file();
  Server server(file.get(), {.accept_insecure = true});
  EXPECT_EQ(server.agreement().options.rotations, Rotations::powers);
  const std::vector<Tensor> tensors = random_tensors({{12, 10}}, 5);
  const auto request = client.encrypt(0, tensors[0].view());
  const Decrypted result = client.decrypt(server.evaluate({{.encrypted = request}}), {request});
  EXPECT_LE(difference(result.outputs[0], reference("ij->ji", views(tensors))), result.error_bound);
  agreement.options.rotations = Rotations::any;
  EXPECT_NE(digest(plan_of(agreement)), digest(server.plan()));
}

}  // namespace
}  // namespace pliant::einsum
