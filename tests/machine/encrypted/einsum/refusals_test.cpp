// Everything that is wrong with a call is a typed error that names label, operand and limit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "errors.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

Error refused(const std::string& expression, const std::vector<EinsumOperand>& operands,
              const PlanOptions& options = {.slots = 64}) {
  return thrown_by([&] { plan(expression, operands, options); });
}

void expect(const Error& error, ErrorKind kind, const std::string& part) {
  EXPECT_EQ(error.kind(), kind) << error.what();
  EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

TEST(Refusals, OfExpressions) {
  expect(refused("ij,jk->ik", {{{2, 3}}, {{4, 2}}}), ErrorKind::invalid,
         "label 'j' has size 3 and, in operand 1, 4");
  expect(refused("ii->", {{{2, 3}}}), ErrorKind::invalid, "label 'i' has sizes 2 and 3");
  expect(refused("ij->ik", {{{2, 3}}}), ErrorKind::invalid, "output label 'k' is in no operand");
  expect(refused("i->ii", {{{2}}}), ErrorKind::invalid, "output label 'i' is repeated");
  expect(refused("ij->i", {{{2}}}), ErrorKind::invalid, "operand 0 has shape [2]");
  expect(refused("i,i->i", {{{2}}}), ErrorKind::invalid, "1 operand(s) for 2 label groups");
  for (const double magnitude : {-1.0, 0.0, std::nan(""), std::numeric_limits<double>::infinity()})
    expect(refused("i->", {{.shape = {2}, .magnitude = magnitude}}), ErrorKind::invalid,
           "largest element");
  expect(refused("i-i", {{{2}}}), ErrorKind::format, "column");
  expect(refused("i,i->i", {{{2}, false}, {{2}, false}}), ErrorKind::unsupported,
         "no operand is encrypted");
  SlotLayout rolled = diagonal("ij", 4, 64);
  expect(refused("ij->", {{.shape = {4, 4}, .layout = rolled}}), ErrorKind::unsupported, "rolls");
  expect(refused("ij->", {{.shape = {4, 3}, .layout = rolled}}), ErrorKind::invalid,
         "operand 0: shape [4,3] in the layout i:4/1 j:4/64");
  expect(refused("i->", {{.shape = {4}, .layout = row_major("i", {4}, 32)}}), ErrorKind::invalid,
         "a layout of 32 slots, planned for 64");
  const std::vector<Stage> stages{{"i->i", {3}}};
  const std::vector<EinsumOperand> operands{{{2}}};
  expect(thrown_by([&] { plan(stages, operands); }), ErrorKind::invalid,
         "operand 3: there are 1 tensors so far");
}

TEST(Refusals, OfSizes) {
  expect(refused("i,j->ij", {{{64}}, {{64}}}, {.slots = 64, .most_ciphertexts = 32}),
         ErrorKind::capacity, "i = 64, j = 64 take 4096 slots, more than 32 ciphertexts of 64");
  expect(refused("ij,jk->ik", {{{1 << 30, 1}}, {{1, 1 << 30}}}), ErrorKind::capacity,
         "label 'k' has size 1073741824: all labels together take more than");
  expect(refused("ij->i", {{{2, 0}}}), ErrorKind::invalid, "label 'j' has size 0");
  expect(refused("i->i", {{{2}}}, {.slots = 48}), ErrorKind::invalid, "48 slots");
}

TEST(Refusals, OfLevels) {
  expect(refused("i,i,i,i->", {{{8}}, {{8}}, {{8}}, {{8}}}, {.slots = 64, .levels = 1}),
         ErrorKind::capacity, "needs 2 levels, this parameter set has 1");
}

struct Dot {
  std::vector<EinsumOperand> operands{{{8}}, {{8}}};
  Plan plan = einsum::plan("i,i->", operands, {.slots = 64});
  std::vector<Tensor> tensors = random_tensors({{8}, {8}}, 1);
};

TEST(Refusals, OfBackEnds) {
  const Dot dot;
  Simulator shallow({.slots = 64, .levels = 0}), wide({.slots = 128});
  expect(thrown_by([&] { run(dot.plan, shallow, views(dot.tensors)); }), ErrorKind::capacity,
         "the plan needs 1 levels, simulator has 0");
  expect(thrown_by([&] { run(dot.plan, wide, views(dot.tensors)); }), ErrorKind::capacity,
         "planned for 64 slots, simulator has 128");
}

TEST(Refusals, OfTensors) {
  const Dot dot;
  Simulator simulator({.slots = 64});
  const std::vector<Tensor> other = random_tensors({{8}, {7}}, 1);
  expect(thrown_by([&] { run(dot.plan, simulator, views(other)); }), ErrorKind::invalid,
         "operand 1: shape [7], planned for [8]");
  std::vector<Tensor> large = random_tensors({{8}, {8}}, 1);
  large[1].span<double>()[3] = 2;
  expect(thrown_by([&] { run(dot.plan, simulator, views(large)); }), ErrorKind::invalid,
         "element 3 is 2, planned for at most 1");
  large[1].span<double>()[3] = NAN;
  expect(thrown_by([&] { run(dot.plan, simulator, views(large)); }), ErrorKind::invalid,
         "element 3 is nan");
}

TEST(Refusals, OfMissingKeys) {
  const Dot dot;
  Simulator simulator({.slots = 64});
  const auto inputs = encrypt(dot.plan, simulator, views(dot.tensors));
  expect(thrown_by([&] { evaluate(dot.plan, simulator, inputs, views(dot.tensors)); }),
         ErrorKind::not_found, "no key at level 1");
  expect(thrown_by([&] {
           evaluate(dot.plan, simulator, {inputs[0], {}}, views(dot.tensors));
         }),
         ErrorKind::invalid, "operand 1: ciphertext 0 is missing");
  expect(thrown_by([&] { evaluate(dot.plan, simulator, {inputs[0]}, views(dot.tensors)); }),
         ErrorKind::invalid, "1 encrypted operands, planned for 2 in all");
  KeyNeed need = keys(dot.plan.program);
  need.rotations.pop_back();
  simulator.make_keys(need);
  expect(thrown_by([&] { evaluate(dot.plan, simulator, inputs, views(dot.tensors)); }),
         ErrorKind::not_found, "no key for rotation by 4 at level 0");
}

TEST(Refusals, OfTheSimulator) {
  Simulator s({.slots = 4, .levels = 2});
  s.make_keys({{{1, 2}}, 2});
  const std::vector<double> values{.5, .25, 0, 1};
  const auto at = [&](int level) { return s.encrypt(values, level, 1); };
  const auto product = s.multiply(at(1), at(1));
  expect(thrown_by([&] { s.add(at(1), at(2)); }), ErrorKind::invalid, "levels 1 and 2 differ");
  expect(thrown_by([&] { s.add(at(1), product); }), ErrorKind::invalid, "scales");
  expect(thrown_by([&] { s.multiply(product, product); }), ErrorKind::invalid, "3 parts");
  expect(thrown_by([&] { s.rotate(product, 1); }), ErrorKind::invalid, "relinearize it first");
  expect(thrown_by([&] { s.rotate(at(1), 2); }), ErrorKind::not_found, "rotation by 2");
  expect(thrown_by([&] { s.multiply(at(0), at(0)); }), ErrorKind::capacity, "exhausted level");
  expect(thrown_by([&] { s.rescale(at(0)); }), ErrorKind::capacity, "level 0");
  expect(thrown_by([&] { s.rescale(at(1)); }), ErrorKind::invalid, "scales");
  expect(thrown_by([&] { s.lower(at(1), 1); }), ErrorKind::invalid, "from level 1 to 1");
  expect(thrown_by([&] { at(3); }), ErrorKind::invalid, "level 3 is not between 0 and 2");
  expect(thrown_by([&] { s.tighten(at(1), .5); }), ErrorKind::internal, "a slot of 1");
  expect(thrown_by([&] { s.multiply_plain(at(1), at(1)); }), ErrorKind::invalid,
         "another back end");
  EXPECT_EQ(s.decrypt(s.rotate(at(1), 1)), (std::vector<double>{.25, 0, 1, .5}));
  EXPECT_EQ(s.decrypt(s.lower(at(2), 0)), values);
  EXPECT_GT(s.error(s.relinearize_rescale(product)), s.error(at(1)));
}

}  // namespace
}  // namespace pliant::einsum
