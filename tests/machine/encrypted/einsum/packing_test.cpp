// Operands that the client packs as suits the plan.
#include "machine/encrypted/einsum/plan/packing.h"

#include <gtest/gtest.h>

#include "machine/encrypted/einsum/explain/contents.h"
#include "machine/encrypted/einsum/parties/server.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

constexpr PlanOptions kFree{.slots = 64, .free_inputs = true};

std::vector<EinsumOperand> all_secret(const std::vector<Shape>& shapes) {
  std::vector<EinsumOperand> operands;
  for (const Shape& shape : shapes) operands.push_back({shape});
  return operands;
}

Plan planned(const char* expression, const std::vector<Shape>& shapes, bool free) {
  PlanOptions options = kFree;
  options.free_inputs = free;
  return plan(expression, all_secret(shapes), options);
}

TEST(Packing, CopiesWhatOneCiphertextHolds) {
  const Plan free = planned("ik,k->i", {{8, 8}, {8}}, true);
  EXPECT_EQ(counts(free.program).rotations, 3) << explain(free);  // the sum
  EXPECT_EQ(free.inputs[1].layout.copies.size(), 1u);
  EXPECT_GT(counts(planned("ik,k->i", {{8, 8}, {8}}, false).program).rotations, 3);
}

TEST(Packing, LeavesGivenLayoutsAlone) {
  std::vector<EinsumOperand> operands = all_secret({{8, 8}, {8}});
  operands[1].layout = row_major("k", {8}, 64);
  const Plan given = plan("ik,k->i", operands, kFree);
  EXPECT_TRUE(given.inputs[1].layout.copies.empty());
}

TEST(Packing, TakesTheCubesPlacesOrTheGapsInThem) {
  const SlotLayout cube{.slots = 16, .axes = {{'b', 4, 1}, {'i', 2, 4}, {'j', 2, 16}, {'k', 2, 8}}};
  const SlotLayout view{.slots = 16, .axes = {{'b', 4, 0}, {'i', 2, 0}, {'j', 2, 0}}};
  const auto copied = packed_for(cube, view, 2), dense = packed_for(cube, view, 1);
  ASSERT_TRUE(copied && dense);
  EXPECT_EQ(to_string(*copied), "b:4/1 i:2/4 j:2/16 x2/8");
  EXPECT_EQ(to_string(*dense), "b:4/1 i:2/4 j:2/8");
  const SlotLayout wide{.slots = 16, .axes = {{'b', 4, 1}, {'i', 2, 4}, {'j', 4, 16}, {'k', 2, 8}}};
  const SlotLayout full{.slots = 16, .axes = {{'b', 4, 0}, {'i', 2, 0}, {'j', 4, 0}}};
  EXPECT_FALSE(packed_for(wide, full, 1));
  const SlotLayout crossed{.slots = 16, .axes = {{'b', 4, 3}, {'i', 2, 4}, {'j', 2, 16}}};
  EXPECT_FALSE(packed_for(crossed, view, 2));
}

// Batches of matrices whose product takes many ciphertexts: halves of labels stay in slots.
TEST(Packing, PartsLabelsAmongSlotsAndCiphertexts) {
  const char* expression = "bij,bjk->bik";
  const std::vector<Shape> shapes{{16, 4, 4}, {16, 4, 4}};
  const Plan free = planned(expression, shapes, true), fixed = planned(expression, shapes, false);
  EXPECT_LT(2 * counts(free.program).rotations, counts(fixed.program).rotations);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(free.inputs[i].shape, shapes[i]);
    EXPECT_GT(free.inputs[i].layout.axes.size(), 3u);
    EXPECT_EQ(ciphertexts(free.inputs[i].layout).size(),
              ciphertexts(fixed.inputs[i].layout).size());
  }
  EXPECT_EQ(free.outputs[0].shape, Shape({16, 4, 4}));
  each_contents(free, [&](CipherId, const SlotContents& of) { EXPECT_EQ(of.kinds.size(), 64u); });
  const std::vector<Tensor> tensors = random_tensors(shapes, 5);
  Simulator simulator({.slots = 64, .levels = free.levels()});
  EXPECT_LT(difference(run(free, simulator, views(tensors)).outputs[0],
                       reference(expression, views(tensors))),
            1e-9);
}

TEST(Packing, IsAgreedOn) {
  const std::vector<Shape> shapes{{8, 8}, {8}};
  Agreement agreement{.expression = "ik,k->i",
                      .operands = all_secret(shapes),
                      .options = kFree,
                      .params = {.log_n = 10, .levels = 3, .insecure_for_tests = true}};
  Client client(agreement);
  const SecretBytes file = client.server_file();
  Server server(file.get(), {.accept_insecure = true});
  EXPECT_TRUE(server.agreement().options.free_inputs);
  const std::vector<Tensor> tensors = random_tensors(shapes, 5);
  const auto a = client.encrypt(0, tensors[0].view()), x = client.encrypt(1, tensors[1].view());
  const Decrypted result =
      client.decrypt(server.evaluate({{.encrypted = a}, {.encrypted = x}}), {a, x});
  EXPECT_LE(difference(result.outputs[0], reference("ik,k->i", views(tensors))),
            result.error_bound);
  EXPECT_LT(result.error_bound, 1e-4);
}

}  // namespace
}  // namespace pliant::einsum
