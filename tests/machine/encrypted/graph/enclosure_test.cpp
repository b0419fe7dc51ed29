// Interval arithmetic contains what functions are; it is exact where a function occurs once.
#include "machine/encrypted/graph/enclosure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace pliant::encrypted {
namespace {

std::vector<Fn> all_functions() {
  std::vector<Fn> all;
  for (int i = 0; i <= static_cast<int>(Fn::select); ++i)
    if (arity(static_cast<Fn>(i)) > 0) all.push_back(static_cast<Fn>(i));
  return all;
}

Expr on_arguments(Fn fn) {
  const std::vector<Expr> arguments{argument(0), argument(1), argument(2)};
  return apply(fn, {arguments.begin(), arguments.begin() + arity(fn)});
}

// Wide or narrow, about zero or far from it, sometimes a point or a whole number.
Interval random_interval(Rng& rng) {
  const double scale = std::exp2(12 * rng.uniform() - 6), middle = scale * (4 * rng.uniform() - 2);
  const double half = std::exp2(-10 * rng.uniform()) * scale;
  switch (rng.below(5)) {
    case 0: return {std::round(middle), std::round(middle)};
    case 1: return {0, half};
    case 2: return {std::round(middle), std::round(middle) + std::ceil(half)};
    default: return {middle - half, middle + half};
  }
}

double within(Rng& rng, const Interval& x) {
  switch (rng.below(6)) {
    case 0: return x.low;
    case 1: return x.high;
    case 2: return std::clamp(std::round((x.low + x.high) / 2), x.low, x.high);
    default: return std::clamp(x.low + rng.uniform() * x.width(), x.low, x.high);
  }
}

bool contains(const Interval& x, double value) { return x.low <= value && value <= x.high; }
bool is_finite(const Interval& x) { return std::isfinite(x.low) && std::isfinite(x.high); }

TEST(Enclosure, ContainsEverySampledValueOfEveryFunction) {
  Rng rng(31);
  for (const Fn fn : all_functions()) {
    const Expr expr = on_arguments(fn);
    int finite = 0;
    for (int round = 0; round < 400; ++round) {
      std::vector<Interval> operands(static_cast<std::size_t>(arity(fn)));
      for (Interval& each : operands) each = random_interval(rng);
      const Interval result = enclosure(fn, operands);
      finite += is_finite(result);
      for (int i = 0; i < 40; ++i) {
        std::vector<double> values;
        for (const Interval& each : operands) values.push_back(within(rng, each));
        const double value = evaluate(expr, values);
        ASSERT_TRUE(is_finite(result) ? contains(result, value) : result.low < result.high)
            << name(fn) << " is " << value << " at " << values[0] << " of [" << operands[0].low
            << ", " << operands[0].high << "], not within [" << result.low << ", " << result.high
            << "]";
      }
    }
    EXPECT_GT(finite, 60) << name(fn);
  }
}

TEST(Enclosure, IsExactAboutMinimaAndTurningPoints) {
  for (const Fn fn : {Fn::silu, Fn::gelu, Fn::gelu_tanh, Fn::sin, Fn::cos, Fn::absolute}) {
    const Expr expr = on_arguments(fn);
    for (const Interval& x :
         {Interval{-3, 0}, {-1.279, -1.278}, {-.752, -.7515}, {-8, 8}, {0, 1}}) {
      Interval seen{INFINITY, -INFINITY};
      for (int i = 0; i <= 100000; ++i) {
        const double at = x.low + x.width() * i / 100000, value = evaluate(expr, {&at, 1});
        seen = hull(seen, {value, value});
      }
      const Interval result = enclosure(fn, {&x, 1});
      EXPECT_LE(result.low, seen.low) << name(fn);
      EXPECT_GE(result.high, seen.high) << name(fn);
      EXPECT_NEAR(result.low, seen.low, 3e-9)
          << name(fn) << " on [" << x.low << ", " << x.high << "]";
      EXPECT_NEAR(result.high, seen.high, 3e-9)
          << name(fn) << " on [" << x.low << ", " << x.high << "]";
    }
  }
}

Expr random_function(Rng& rng, int depth) {
  if (depth == 0 || rng.below(8) == 0)
    return rng.below(3) == 0 ? constant(4 * rng.uniform() - 2) : argument(0);
  static const std::vector<Fn> all = all_functions();
  const Fn fn = all[rng.below(all.size())];
  std::vector<Expr> operands;
  for (int i = 0; i < arity(fn); ++i) operands.push_back(random_function(rng, depth - 1));
  return pliant::apply(fn, operands);
}

TEST(Enclosure, ContainsEverySampledValueOfExpressions) {
  Rng rng(32);
  int finite = 0;
  for (int round = 0; round < 2000; ++round) {
    const Expr expr = random_function(rng, 3);
    const Interval x = random_interval(rng), result = enclosure(expr, x, 16);
    if (!is_finite(result)) continue;
    ++finite;
    for (int i = 0; i < 60; ++i) {
      const double at = within(rng, x), value = evaluate(expr, {&at, 1});
      ASSERT_TRUE(contains(result, value))
          << to_string(expr) << " is " << value << " at " << at << " of [" << x.low << ", "
          << x.high << "], not within [" << result.low << ", " << result.high << "]";
    }
  }
  EXPECT_GT(finite, 800);
}

// Of a function written out, operands that occur twice cost little more than a piece's width.
TEST(Enclosure, OfFunctionsWrittenOutIsNearlyExact) {
  const Expr x = argument(0), one = constant(1);
  const auto of = [](Fn fn, const Expr& a) { return apply(fn, {a}); };
  const Expr silu = x / (one + of(Fn::exp, of(Fn::negate, x)));
  const Expr tanh = (of(Fn::exp, x) - of(Fn::exp, of(Fn::negate, x))) /
                    (of(Fn::exp, x) + of(Fn::exp, of(Fn::negate, x)));
  const Expr circle = of(Fn::sqrt, one - x * x);
  const Expr clipped = minimum(maximum(x, constant(-INFINITY)), constant(.5));
  const auto near = [](const Interval& got, double low, double high) {
    EXPECT_LE(got.low, low);
    EXPECT_GE(got.high, high);
    EXPECT_NEAR(got.low, low, .05);
    EXPECT_NEAR(got.high, high, .05);
  };
  near(enclosure(silu, {-4, 4}), -.278464542, 4 / (1 + std::exp(-4.0)));
  near(enclosure(tanh, {-4, 4}), -.99932, .99932);
  near(enclosure(circle, {-1, 1}), 0, 1);
  near(enclosure(clipped, {-1, 1}), -1, .5);
  EXPECT_FALSE(is_finite(enclosure(one / x, {-1, 1})));
  EXPECT_FALSE(is_finite(enclosure(minimum(maximum(of(Fn::log, x), one), one), {-1, 1})));
}

}  // namespace
}  // namespace pliant::encrypted
