// What the slots hold, followed through the program: every element of a result where its layout
// says, of the right indices and whole sums; and the drawing of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "errors.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "machine/encrypted/einsum/explain/drawing.h"
#include "machine/encrypted/einsum/must_pass.h"

namespace pliant::einsum {
namespace {

// Of the slot at each address of an output: its own indices, everything of the labels it lacks.
void expect_output(const Plan& plan, const PlannedOutput& output,
                   const std::map<CipherId, SlotContents>& contents) {
  const std::vector<LabelSize> sizes = label_sizes(plan);
  const std::vector<std::int64_t> used = ciphertexts(output.layout);
  const std::vector<std::int64_t> places = addresses(output.layout);
  for (std::size_t e = 0; e < places.size(); ++e) {
    const auto number = std::ranges::find(used, places[e] / output.layout.slots) - used.begin();
    const SlotContents& of = contents.at(output.ciphertexts[number]);
    const auto slot = static_cast<std::size_t>(places[e] % output.layout.slots);
    ASSERT_EQ(of.kinds[slot], SlotKind::term) << plan.expression << " element " << e;
    auto rest = static_cast<std::int64_t>(e);
    std::map<char, std::int64_t> indices;
    for (std::size_t axis = output.shape.size(); axis-- > 0;) {
      indices[output.layout.axes[axis].label] = rest % output.shape[axis];
      rest /= output.shape[axis];
    }
    for (std::size_t l = 0; l < sizes.size(); ++l) {
      const auto own = indices.find(sizes[l].label);
      const auto whole = own == indices.end();
      EXPECT_EQ(of.ranges[l][slot].low, whole ? 0 : own->second) << plan.expression;
      EXPECT_EQ(of.ranges[l][slot].high, whole ? sizes[l].size - 1 : own->second)
          << plan.expression << " element " << e << " label " << sizes[l].label;
    }
  }
}

void expect_right(const Plan& plan) {
  SCOPED_TRACE(plan.expression);
  std::map<CipherId, SlotContents> contents;
  each_contents(plan, [&](CipherId id, const SlotContents& of) { contents[id] = of; });
  for (const PlannedOutput& output : plan.outputs) expect_output(plan, output, contents);
}

TEST(Contents, OfEveryResultAreWhatTheExpressionSays) {
  for (const Case& c : kMustPass)
    for (unsigned secret = 1; secret < 1u << c.shapes.size(); ++secret) {
      std::vector<EinsumOperand> operands;
      for (std::size_t i = 0; i < c.shapes.size(); ++i)
        operands.push_back({c.shapes[i], (secret >> i & 1) != 0});
      for (const bool canonical : {false, true})
        expect_right(plan(c.expression, operands, {.slots = 64, .canonical = canonical}));
    }
}

TEST(Contents, OfSumsInTheWrongSlotAreSeen) {
  Plan wrong = plan("ij->i", std::vector<EinsumOperand>{{{4, 4}}}, {.slots = 16});
  const CipherId out = wrong.outputs[0].ciphertexts[0];
  for (ProgramStep& step : wrong.program.steps)
    if (step.out[0] == out)
      if (auto* add = std::get_if<Add>(&step.action)) add->right = add->left;  // no rotation
  const std::vector<LabelSize> sizes = label_sizes(wrong);
  std::string text;
  each_contents(wrong, [&](CipherId id, const SlotContents& of) {
    if (id == out) text = slot_text(of, sizes, 0);
  });
  EXPECT_EQ(text, "i0j0-1");
}

TEST(Stages, HaveEveryStepOnce) {
  for (const Benchmark& each : kBenchmarks) {
    const Plan plan = einsum::plan(each.expression, all_secret(each.shapes), {.canonical = true});
    Counts sum;
    for (const ProgramStage& stage : program_stages(plan.program)) {
      sum.rotations += stage.counts.rotations;
      sum.products += stage.counts.products;
      sum.diagonals += stage.counts.diagonals;
      sum.plain_products += stage.counts.plain_products;
      sum.rescales += stage.counts.rescales;
      sum.additions += stage.counts.additions;
      EXPECT_FALSE(stage.before.empty()) << each.name;
      EXPECT_FALSE(stage.after.empty()) << each.name;
    }
    const Counts all = counts(plan.program);
    EXPECT_EQ(sum.rotations, all.rotations) << each.name;
    EXPECT_EQ(sum.products, all.products);
    EXPECT_EQ(sum.diagonals, all.diagonals);
    EXPECT_EQ(sum.plain_products, all.plain_products);
    EXPECT_EQ(sum.rescales, all.rescales);
    EXPECT_EQ(sum.additions, all.additions);
  }
}

TEST(Drawing, TellsWhatSlotsHoldBeforeAndAfter) {
  const Plan plan = einsum::plan("ik,k->i", std::vector<EinsumOperand>{{{4, 4}}, {{4}}},
                                 {.slots = 16, .canonical = true});
  const std::string text = stages_text(draw(plan));
  EXPECT_NE(text.find("before c0, operand 0 at level"), std::string::npos) << text;
  EXPECT_NE(text.find("i0k0 i0k1 i0k2 i0k3 i1k0"), std::string::npos) << text;
  EXPECT_NE(text.find("k0 k1 k2 k3 k0 k1"), std::string::npos) << text;  // copies
  EXPECT_NE(text.find("the same every 4"), std::string::npos) << text;
  EXPECT_NE(text.find("i0 i1 i2 i3"), std::string::npos) << text;
}

TEST(Drawing, RefusesWhatTakesTooLong) {
  const Plan plan =
      einsum::plan("ij,jk->ik", std::vector<EinsumOperand>{{{512, 512}, false}, {{512, 64}}});
  EXPECT_NE(error_of([&] { draw(plan); }).find("too many to draw"), std::string::npos);
}

}  // namespace
}  // namespace pliant::einsum
