// Operands that the client packs as suits the plan.
#include "machine/encrypted/einsum/plan/packing.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/einsum/explain/contents.h"
#include "machine/encrypted/einsum/parties/server.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

const PlanOptions kFree{.slots = 64, .free_inputs = true};

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

// A chain of products with weights, half of the batch in imaginary parts.
TEST(Packing, HalvesShareComplexSlots) {
  const std::vector<Shape> shapes{{6, 8}, {8, 4}, {4, 8}};
  std::vector<EinsumOperand> operands = all_secret(shapes);
  operands[1].secret = operands[2].secret = false;
  const std::vector<Stage> stages{{"bi,ij->bj", {0, 1}}, {"bj,jk->kb", {3, 2}}};
  const auto planned = [&](bool complex) {
    return plan(stages, operands, {.slots = 32, .complex_slots = complex});
  };
  const Plan halved = planned(true), real = planned(false);
  EXPECT_EQ(halved.inputs[0].halved, 0);
  EXPECT_EQ(halved.outputs[0].halved, 1);
  EXPECT_EQ(halved.outputs[0].shape, Shape({8, 6}));
  EXPECT_EQ(ciphertexts(halved.inputs[0].layout).size(), 1u);
  EXPECT_EQ(ciphertexts(real.inputs[0].layout).size(), 2u);
  EXPECT_LT(counts(halved.program).diagonals, counts(real.program).diagonals);
  const std::vector<Tensor> tensors = random_tensors(shapes, 5);
  const Tensor between = reference("bi,ij->bj", {tensors[0].view(), tensors[1].view()}),
               wanted = reference("bj,jk->kb", {between.view(), tensors[2].view()});
  Engine engine({.log_n = 10, .levels = halved.levels(), .insecure_for_tests = true}, 32);
  const Decrypted result = run(halved, engine, views(tensors));
  EXPECT_LE(difference(result.outputs[0], wanted), result.error_bound);
  EXPECT_LT(result.error_bound, 1e-4);
  Simulator simulator({.slots = 32, .levels = halved.levels()});
  const Error refused = thrown_by([&] { run(halved, simulator, views(tensors)); });
  EXPECT_EQ(refused.kind(), ErrorKind::unsupported);
  EXPECT_NE(std::string(refused.what()).find("no complex slots"), std::string::npos);
}

TEST(Packing, HalvesNothingThatProductsWouldMix) {
  const auto is_halved = [](const char* expression, const std::vector<Shape>& shapes,
                            std::size_t secret) {
    std::vector<EinsumOperand> operands = all_secret(shapes);
    for (std::size_t i = secret; i < operands.size(); ++i) operands[i].secret = false;
    return plan(expression, operands, {.slots = 64, .complex_slots = true}).inputs[0].halved >= 0;
  };
  EXPECT_TRUE(is_halved("ij->ji", {{4, 6}}, 1));
  EXPECT_TRUE(is_halved("ij,i->j", {{4, 6}, {4}}, 1));
  EXPECT_FALSE(is_halved("ij,i->j", {{4, 5}, {4}}, 1));       // odd
  EXPECT_FALSE(is_halved("ij->", {{4, 6}}, 1));               // summed over
  EXPECT_FALSE(is_halved("ij,ij->ij", {{4, 6}, {4, 6}}, 1));  // weights differ in both halves
  EXPECT_FALSE(is_halved("ij,ij->ij", {{4, 6}, {4, 6}}, 2));  // two encrypted operands
  EXPECT_FALSE(is_halved("ii->i", {{4, 4}}, 1));              // a diagonal
}

TEST(Packing, ComplexSlotsBetweenClientAndServer) {
  const std::vector<Shape> shapes{{8, 8}, {8, 4}};
  std::vector<EinsumOperand> operands = all_secret(shapes);
  operands[0].secret = false;
  Agreement agreement{.expression = "ij,jk->ik",
                      .operands = operands,
                      .options = {.slots = 64, .complex_slots = true},
                      .params = {.log_n = 10, .levels = 3, .insecure_for_tests = true}};
  Client client(agreement);
  const SecretBytes file = client.server_file();
  Server server(file.get(), {.accept_insecure = true});
  EXPECT_EQ(server.plan().inputs[1].halved, 1);
  const std::vector<Tensor> tensors = random_tensors(shapes, 5);
  const auto x = client.encrypt(1, tensors[1].view());
  const Decrypted result =
      client.decrypt(server.evaluate({{.clear = tensors[0].view()}, {.encrypted = x}}), {x});
  EXPECT_LE(difference(result.outputs[0], reference("ij,jk->ik", views(tensors))),
            result.error_bound);
  EXPECT_LT(result.error_bound, 1e-4);
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
