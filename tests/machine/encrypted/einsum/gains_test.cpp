// What is left of every error, on programs small enough to count by hand, and the bound that
// follows from it against errors measured on the engine.
#include "machine/encrypted/einsum/program/gains.h"

#include <gtest/gtest.h>

#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/must_pass.h"
#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

using Kind = Disturbance::Kind;
constexpr std::int64_t kFew = 8;

struct Small {
  ProgramBuilder builder{kFew, {.5}};
  PlacedTensor x = builder.input(0, row_major("i", {kFew}, kFew));
  CipherId input = x.ciphertexts.at(0);

  // Of the output, which is x's shape.
  ErrorGain gain(CipherId output, Kind kind, int factors = 1) {
    Plan plan{.inputs = {{{kFew}, true, x.layout}}, .outputs = {{{kFew}, x.layout, {output}}}};
    plan.program = builder.take({output});
    assign_levels(plan.program, 0);
    assign_magnitudes(plan.program, {x.layout});
    assign_gains(plan);
    ErrorGain all;
    for (const ErrorGain& gain : *plan.outputs[0].gains)
      if (gain.of.kind == kind && gain.of.factors == factors)
        all = {gain.of, all.squares + gain.squares, all.peaks + gain.peaks, all.sum + gain.sum};
    return all;
  }
  Plain mask(std::int32_t first, std::int32_t last) {
    Plain result;
    for (std::int32_t i = first; i < last; ++i) result.cells.push_back({i, 0});
    return result;
  }
};

TEST(Gains, AddSquaresOfRotations) {
  const auto sum = [](Small& s) { return s.builder.add(s.input, s.builder.rotate(s.input, 1)); };
  Small s, t;
  EXPECT_EQ(s.gain(sum(s), Kind::encryption).squares, 2);
  const ErrorGain switching = t.gain(sum(t), Kind::switching);
  EXPECT_EQ(switching.squares, 1);
  EXPECT_EQ(switching.peaks, 1);
}

TEST(Gains, AddAmplitudesOfOneRotationDoneTwice) {
  const auto twice = [](Small& s) {
    return s.builder.add(s.builder.rotate(s.input, 1), s.builder.rotate(s.input, 1 - kFew));
  };
  Small s, t;
  EXPECT_EQ(s.gain(twice(s), Kind::encryption).squares, 4);
  EXPECT_EQ(t.gain(twice(t), Kind::switching).squares, 4);
}

TEST(Gains, AddAmplitudesOfWhatIsComputedTwice) {
  const auto twice = [](Small& s) {
    const CipherId a = s.builder.rescale(s.builder.multiply(s.input, s.mask(0, 4)));
    const CipherId b = s.builder.rescale(s.builder.multiply(s.input, s.mask(0, 4)));
    return s.builder.add(a, b);
  };
  Small s, t;
  EXPECT_EQ(s.gain(twice(s), Kind::division).squares, 4);
  EXPECT_EQ(t.gain(twice(t), Kind::encoding).sum, 2 * .5);
}

TEST(Gains, OfMasksThatDoNotMeetIsTheLargest) {
  Small s;
  const CipherId low = s.builder.multiply(s.input, s.mask(0, 4));
  const CipherId high = s.builder.multiply(s.builder.rotate(s.input, 3), s.mask(4, 8));
  EXPECT_EQ(s.gain(s.builder.add(low, high), Kind::encryption).squares, 1);
}

TEST(Gains, OfASquareIsTwiceTheValue) {
  Small s;
  EXPECT_EQ(s.gain(s.builder.multiply(s.input, s.input), Kind::encryption).squares, 1);
}

TEST(Gains, OfAPermutationIsOneWhateverItsDiagonals) {
  const auto reversed = [](Small& s) {
    SlotLayout to = s.x.layout;
    to.axes[0].stride = 3;  // coprime to the slots: every element moves by another distance
    to.period = kFew;
    Transform transform{.of = {s.input}, .terms = {}};
    for (std::int64_t i = 0; i < kFew; ++i) {
      const std::int64_t target = 3 * i % kFew;
      Plain plain =
          s.mask(static_cast<std::int32_t>(target), static_cast<std::int32_t>(target) + 1);
      transform.terms.push_back(
          {0, 0, 0, modulo(i - target, kFew), s.builder.plain(std::move(plain))});
    }
    return s.builder.transform(std::move(transform), 1)[0];
  };
  Small s, t, u;
  EXPECT_EQ(s.gain(reversed(s), Kind::encryption).squares, 1);
  EXPECT_EQ(t.gain(reversed(t), Kind::switching).squares, 1);
  EXPECT_EQ(u.gain(reversed(u), Kind::encoding).sum, kFew * .5);
}

TEST(Gains, AreUnknownWhereTheyTakeTooMuchWork) {
  const std::vector<EinsumOperand> operands(2, EinsumOperand{{8, 8}});
  Plan plan = einsum::plan("ik,kj->ij", operands, {.slots = 512});
  assign_gains(plan);
  EXPECT_FALSE(plan.outputs[0].gains->empty());
  assign_gains(plan, 100);
  EXPECT_TRUE(plan.outputs[0].gains->empty());
  Simulator simulator({.slots = 512, .levels = plan.levels()});
  const std::vector<Tensor> tensors = random_tensors({{8, 8}, {8, 8}}, 1);
  EXPECT_GT(run(plan, simulator, views(tensors)).error_bound, 0);
}

// Dense, all one, one-hot, a ramp, a block.
void fill(Tensor& tensor, int kind, std::uint64_t seed) {
  const auto values = tensor.span<double>();
  const auto size = static_cast<double>(values.size());
  Rng rng(seed);
  fill_uniform(tensor.view(), rng, -1, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<double>(i);
    if (kind == 1) values[i] = 1;
    if (kind == 2) values[i] = i == seed % values.size() ? 1 : 0;
    if (kind == 3) values[i] = at / size;
    if (kind == 4) values[i] = at < size / 2 ? -1 : 0;
  }
}

// The largest error of several runs, more where each shows few elements, beside the bound, which
// every one of them keeps.
double bound_over_error(const Case& c, unsigned secret, Engine& engine, bool canonical) {
  std::vector<EinsumOperand> operands;
  for (std::size_t i = 0; i < c.shapes.size(); ++i)
    operands.push_back({c.shapes[i], (secret >> i & 1) != 0});
  Plan plan =
      einsum::plan(c.expression, operands, {.slots = engine.slots(), .canonical = canonical});
  assign_gains(plan);
  double worst = 0, bound = 0;
  const std::int64_t elements = pliant::elements(plan.outputs[0].shape);
  for (int round = 0; round < std::max<std::int64_t>(8, 32 / elements); ++round) {
    std::vector<Tensor> tensors = random_tensors(c.shapes, 1);
    for (Tensor& tensor : tensors) fill(tensor, round % 5, round + 1);
    const Decrypted result = run(plan, engine, views(tensors));
    const double error = difference(result.outputs[0], reference(c.expression, views(tensors)));
    EXPECT_LE(error, result.error_bound) << c.expression << " data " << round << explain(plan);
    worst = std::max(worst, error);
    bound = std::max(bound, result.error_bound);
  }
  return bound / worst;
}

TEST(Gains, BoundErrorsWithinThirtyTimes) {
  Engine engine({.log_n = 10, .levels = 8, .insecure_for_tests = true}, 512,
                {.seed_of_test = ckks::Seed{1}});
  for (const Case& c : kMustPass) {
    const unsigned all = (1u << c.shapes.size()) - 1;
    for (const bool canonical : {false, true})
      EXPECT_LE(bound_over_error(c, all, engine, canonical), 30) << c.expression << canonical;
    if (all > 1) {
      EXPECT_LE(bound_over_error(c, 1, engine, true), 30) << c.expression;
    }
  }
}

}  // namespace
}  // namespace pliant::einsum
