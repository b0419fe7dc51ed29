#include <limits>
#include <numbers>
#include <numeric>

#include "graph/one_operator.h"
#include "graph/random_kinds.h"

namespace pliant {
namespace {

using namespace oracle;

TEST(ReferenceSoftmax, ClosedForms) {
  const auto out =
      run(kind::Softmax{0},
          list(Tensor::of(DType::f64, {2, 2}, {std::log(1), 1000, std::log(3), 1000})));
  expect_close(values(out[0]), {0.25, 0.5, 0.75, 0.5}, 1e-15);
  const auto masked =
      run(kind::Softmax{0},
          list(Tensor::of(DType::f64, {2}, {-std::numeric_limits<double>::infinity(), 5})));
  EXPECT_EQ(values(masked[0]), (std::vector<double>{0, 1}));
}

TEST(ReferenceNormalize, ClosedForms) {
  const Tensor x = Tensor::of(DType::f64, {2, 2}, {1, 3, -2, 2});
  const auto centred = run(kind::Normalize{{1}, 0, true}, list(x.copy()), 3);
  expect_close(values(centred[0]), {-1, 1, -1, 1}, 1e-15);
  expect_close(values(centred[1]), {2, 0}, 1e-15);
  expect_close(values(centred[2]), {1, 4}, 1e-15);
  EXPECT_EQ(centred[1].type().shape, (Shape{2, 1}));
  const auto rms = run(kind::Normalize{{1}, 1, false}, list(x.copy()), 3);
  expect_close(values(rms[0]),
               {1 / std::sqrt(6), 3 / std::sqrt(6), -2 / std::sqrt(5), 2 / std::sqrt(5)}, 1e-15);
  EXPECT_EQ(values(rms[1]), (std::vector<double>{0, 0}));
  expect_close(values(rms[2]), {5, 4}, 1e-15);
}

TEST(ReferenceRotary, TurnsPairsByTheirAngle) {
  // position 1 turns the first pair by a right angle, the second by 1/100
  const double turn = std::numbers::pi / 2;
  const auto once = [&](kind::RotaryStyle style) {
    return values(run(kind::Rotary{4, 10000, turn, style},
                      list(Tensor::of(DType::f64, {1, 1, 5}, {1, 2, 3, 4, 9}),
                           Tensor::of(DType::i32, {1}, {1})))[0]);
  };
  const double c = std::cos(turn / 100), s = std::sin(turn / 100);
  expect_close(once(kind::RotaryStyle::halves), {-3, 2 * c - 4 * s, 1, 4 * c + 2 * s, 9}, 1e-15);
  expect_close(once(kind::RotaryStyle::pairs), {-2, 1, 3 * c - 4 * s, 4 * c + 3 * s, 9}, 1e-15);
}

TEST(ReferenceRotary, FactorsDivideTheFrequencies) {
  Rng rng(3);
  const Tensor x = normal(rng, {1, 2, 6}, DType::f64);
  const auto at = [](std::int64_t pos) {
    return Tensor::of(DType::i32, {1}, {static_cast<double>(pos)});
  };
  const auto slow =
      run(kind::Rotary{4, 100}, list(x.copy(), at(12), Tensor::of(DType::f32, {2}, {4, 4})));
  expect_close(values(slow[0]), values(run(kind::Rotary{4, 100}, list(x.copy(), at(3)))[0]), 1e-15);
  const auto mixed = values(
      run(kind::Rotary{4, 100}, list(x.copy(), at(12), Tensor::of(DType::f32, {2}, {1, 4})))[0]);
  const auto whole = values(run(kind::Rotary{4, 100}, list(x.copy(), at(12)))[0]);
  EXPECT_EQ(mixed[0], whole[0]);
  EXPECT_NEAR(mixed[1], values(slow[0])[1], 1e-15);
}

TEST(ReferenceRotary, KeepsLengthsAndRelativePositions) {
  Rng rng(4);
  const Tensor q = normal(rng, {1, 1, 8}, DType::f64), k = normal(rng, {1, 1, 8}, DType::f64);
  const auto product = [&](double i, double j) {
    const kind::Rotary kind{8};
    const auto a = values(run(kind, list(q.copy(), Tensor::of(DType::i32, {1}, {i})))[0]);
    const auto b = values(run(kind, list(k.copy(), Tensor::of(DType::i32, {1}, {j})))[0]);
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  EXPECT_NEAR(product(3, 1), product(1002, 1000), 1e-12);
  EXPECT_GT(std::abs(product(3, 1) - product(3, 2)), 1e-3);
}

// The definition, written as softmax over an explicit list of visible rows.
std::vector<double> attention(const kind::Attention& kind, const std::vector<Tensor>& in) {
  const auto at = [&](std::size_t operand, std::vector<std::int64_t> index) {
    const auto pitch = strides(in[operand].type().shape);
    return get(in[operand].view(),
               std::inner_product(index.begin(), index.end(), pitch.begin(), std::int64_t{0}));
  };
  const Shape q = in[0].type().shape, k = in[1].type().shape, v = in[2].type().shape;
  std::vector<double> result;
  for (std::int64_t i = 0; i < q[0]; ++i)
    for (std::int64_t h = 0; h < q[1]; ++h) {
      const std::int64_t g = h * k[1] / q[1];
      std::vector<double> sums(static_cast<std::size_t>(v[2]), 0);
      double total = 0;
      for (std::int64_t j = 0; j < q[0]; ++j) {
        if (at(3, {i}) < 0 || at(3, {i}) != at(3, {j})) continue;
        if (kind.causal && at(4, {j}) > at(4, {i})) continue;
        if (kind.window > 0 && at(4, {i}) - at(4, {j}) >= static_cast<double>(kind.window))
          continue;
        if (kind.has_tree && at(kind.has_bias ? 7 : 6, {i, j}) == 0) continue;
        double score = 0;
        for (std::int64_t d = 0; d < q[2]; ++d)
          score += kind.scale * at(0, {i, h, d}) * at(1, {j, g, d});
        if (kind.cap > 0) score = kind.cap * std::tanh(score / kind.cap);
        if (kind.has_bias)
          score += at(
              6, {h, static_cast<std::int64_t>(at(4, {i})), static_cast<std::int64_t>(at(4, {j}))});
        for (std::int64_t d = 0; d < v[2]; ++d) sums[d] += std::exp(score) * at(2, {j, g, d});
        total += std::exp(score);
      }
      for (const double sum : sums) result.push_back(total == 0 ? 0 : sum / total);
    }
  return result;
}

TEST(ReferenceAttention, EqualsItsDefinition) {
  Rng rng(5);
  for (int i = 0; i < 200; ++i) {
    const Case c = random_attention(rng, DType::f64);
    expect_close(values(run(c.kind, c.operands)[0]),
                 attention(std::get<kind::Attention>(c.kind), c.operands), 1e-12);
  }
}

TEST(ReferenceAttention, RefusesAPositionOutsideTheBias) {
  const kind::Attention kind{1, true, 0, -1, true, false};
  const auto row = [](DType dtype, double value) { return Tensor::of(dtype, {1}, {value}); };
  const auto x = [] { return Tensor::of(DType::f32, {1, 1, 1}, {1}); };
  const Error error = thrown_by([&] {
    run(kind, list(x(), x(), x(), row(DType::i32, 0), row(DType::i32, 2), row(DType::i32, 0),
                   Tensor(TensorType{DType::f32, {1, 2, 2}})));
  });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_EQ(error.place(), "op");
  EXPECT_NE(error.problem().find("position 2"), std::string::npos);
}

TEST(ReferenceCrossEntropy, EqualsItsDefinition) {
  Rng rng(6);
  for (const std::int64_t vocabulary : {1, 7, 1024, 2500}) {
    const Tensor hidden = normal(rng, {3, 5}, DType::f64),
                 table = normal(rng, {vocabulary, 5}, DType::f64);
    const Tensor target = Tensor::of(DType::i32, {3}, {0, -1, static_cast<double>(vocabulary - 1)});
    std::vector<double> loss, total;
    for (std::int64_t row = 0; row < 3; ++row) {
      std::vector<double> logits;
      double sum = 0;
      for (std::int64_t v = 0; v < vocabulary; ++v) {
        double logit = 0;
        for (std::int64_t d = 0; d < 5; ++d)
          logit += get(hidden.view(), row * 5 + d) * get(table.view(), v * 5 + d);
        logits.push_back(logit);
        sum += std::exp(logit);
      }
      total.push_back(std::log(sum));
      const std::int64_t wanted = get_int(target.view(), row);
      loss.push_back(wanted < 0 ? 0 : total.back() - logits[wanted]);
    }
    const auto out = run(kind::CrossEntropy{}, list(hidden.copy(), table.copy(), target.copy()), 2);
    expect_close(values(out[0]), loss, 1e-6);
    expect_close(values(out[1]), total, 1e-6);
  }
}

TEST(ReferenceCrossEntropy, RefusesATargetOutsideTheTable) {
  Rng rng(7);
  const Error error = thrown_by([&] {
    run(kind::CrossEntropy{},
        list(normal(rng, {1, 2}), normal(rng, {4, 2}), Tensor::of(DType::i32, {1}, {4})), 2);
  });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(error.problem().find("target 4"), std::string::npos);
}

}  // namespace
}  // namespace pliant
