// Random expressions: labels, sizes, what is encrypted, slots and wishes drawn from a seed.
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

struct Draw {
  std::string expression;
  std::vector<EinsumOperand> operands;
  std::vector<Shape> shapes;
};

// Up to three operands of up to three axes over five labels; sizes 1 to 5, some 1 where others are
// larger, some labels twice.
Draw draw(Rng& rng) {
  std::int64_t sizes[5];
  for (std::int64_t& size : sizes) size = rng.between(1, 5);
  Draw result;
  std::string used;
  const std::int64_t count = rng.between(1, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    std::string labels;
    Shape shape;
    for (std::int64_t axis = rng.between(0, 3); axis > 0; --axis) {
      const std::int64_t label = rng.below(5);
      labels += static_cast<char>('a' + label);
      shape.push_back(sizes[label]);
    }
    for (std::size_t axis = 0; axis < labels.size(); ++axis)  // broadcasts
      if (std::ranges::count(labels, labels[axis]) == 1 && rng.below(6) == 0) shape[axis] = 1;
    result.expression += (i > 0 ? "," : "") + labels;
    used += labels;
    result.operands.push_back({shape, rng.below(3) > 0});
    result.shapes.push_back(std::move(shape));
  }
  result.operands[0].secret = true;
  std::ranges::sort(used);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  std::shuffle(used.begin(), used.end(), rng);
  result.expression += "->" + used.substr(0, rng.below(static_cast<std::int64_t>(used.size()) + 1));
  return result;
}

// Every slot that a clean layout leaves out is zero, every copy equal.
void expect_as_promised(const Plan& plan, const std::vector<std::vector<double>>& slots,
                        const Tensor& want) {
  const SlotLayout& layout = plan.outputs[0].layout;
  if (!layout.clean) return;
  const auto values = want.span<double>();
  const auto packed = pack(std::vector<double>(values.begin(), values.end()), layout);
  ASSERT_EQ(packed.size(), slots.size());
  for (std::size_t c = 0; c < slots.size(); ++c)
    for (std::size_t i = 0; i < slots[c].size(); ++i)
      ASSERT_NEAR(slots[c][i], packed[c][i], 1e-9) << "slot " << i << "\n" << explain(plan);
}

void expect_right(std::uint64_t seed) {
  Rng rng(seed);
  const Draw drawn = draw(rng);
  PlanOptions options{.slots = std::int64_t{1} << rng.between(2, 10)};
  options.most_ciphertexts = 1 << 16;
  options.canonical = rng.below(2) == 0;
  options.clean = rng.below(3) == 0;
  if (rng.below(3) == 0) options.costs.rotation = 100;  // other ways win
  if (rng.below(3) == 0) options.costs.diagonal = 0.001;
  SCOPED_TRACE(drawn.expression);
  const std::vector<Tensor> tensors = random_tensors(drawn.shapes, seed);
  const Plan plan = einsum::plan(drawn.expression, drawn.operands, options);
  Simulator simulator({.slots = options.slots, .levels = plan.levels()});
  simulator.make_keys(keys(plan.program));
  const auto outputs =
      evaluate(plan, simulator, encrypt(plan, simulator, views(tensors)), views(tensors));
  const Tensor want = reference(drawn.expression, views(tensors));
  const Decrypted result = decrypt(plan, simulator, outputs);
  ASSERT_LT(difference(result.outputs[0], want), 1e-9) << explain(plan);
  std::vector<std::vector<double>> slots;
  for (const Backend::Cipher& output : outputs) slots.push_back(simulator.look(output));
  expect_as_promised(plan, slots, want);
  EXPECT_TRUE(plan.outputs[0].layout.clean || !options.clean);
}

TEST(RandomExpressions, AgreeWithTheReference) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    expect_right(seed);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// A stage, then a second one on its result: times a vector over one of its labels, other labels
// kept or summed at random.
void expect_chain_right(std::uint64_t seed) {
  Rng rng(seed);
  Draw drawn = draw(rng);
  const std::string out = drawn.expression.substr(drawn.expression.find('>') + 1);
  if (out.empty()) return;
  std::vector<Tensor> tensors = random_tensors(drawn.shapes, seed);
  const Tensor between = reference(drawn.expression, views(tensors));
  const std::int64_t axis = rng.below(static_cast<std::int64_t>(out.size()));
  tensors.push_back(std::move(random_tensors({{between.type().shape[axis]}}, seed + 1).front()));
  std::string kept = out;
  std::shuffle(kept.begin(), kept.end(), rng);
  kept.resize(rng.below(static_cast<std::int64_t>(kept.size()) + 1));
  const std::string second = out + "," + out[axis] + "->" + kept;

  drawn.operands.push_back({tensors.back().type().shape, rng.below(2) == 0});
  const auto last = static_cast<int>(drawn.operands.size()) - 1;
  Stage first{drawn.expression, {}};
  for (int i = 0; i < last; ++i) first.operands.push_back(i);
  const std::vector<Stage> stages{first, {second, {last + 1, last}}};
  SCOPED_TRACE(drawn.expression + "; " + second);
  const Plan plan = einsum::plan(stages, drawn.operands,
                                 {.slots = std::int64_t{1} << rng.between(3, 9),
                                  .canonical = rng.below(2) == 0,
                                  .most_ciphertexts = 1 << 16,
                                  .width = 4});
  Simulator simulator({.slots = plan.program.slots, .levels = plan.levels()});
  const Decrypted result = run(plan, simulator, views(tensors));
  const Tensor want = reference(second, {between.view(), tensors.back().view()});
  ASSERT_LT(difference(result.outputs[0], want), 1e-9) << explain(plan);
}

TEST(RandomExpressions, AgreeInChains) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    expect_chain_right(seed);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pliant::einsum
