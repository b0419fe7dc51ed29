#include "graph/losses.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "errors.h"
#include "graph/reference/reference.h"
#include "graph/soft_losses.h"

namespace pliant {
namespace {

constexpr std::int64_t rows = 40, classes = 5;

struct Rows {
  Tensor logits{{DType::f32, {rows, classes}}}, target{{DType::f32, {rows, classes}}};

  // The last row's target has zeros.
  explicit Rows(double scale) {
    Rng rng(4);
    fill_normal(logits.view(), rng, scale);
    fill_normal(target.view(), rng, scale);
    for (std::int64_t i = 0; i < rows; ++i) {
      Row p = softmax_of(row(target, i));
      if (i == rows - 1) p = {0, 0.25, 0, 0.75, 0};
      for (std::int64_t k = 0; k < classes; ++k) set(target.view(), i * classes + k, p[k]);
    }
  }
  static Row row(const Tensor& tensor, std::int64_t i) {
    Row result;
    for (std::int64_t k = 0; k < classes; ++k)
      result.push_back(get(tensor.view(), i * classes + k));
    return result;
  }
};

template <typename Loss>
Tensor run(const Rows& given, Loss&& loss) {
  Builder b;
  const TensorType type{DType::f32, {rows, classes}};
  const ValueId logits = b.input("logits", type), target = b.input("target", type);
  b.output(loss(b, logits, target), "loss");
  ThreadPool pool(1);
  const std::vector<TensorView> inputs{given.logits.view(), given.target.view()};
  return std::move(evaluate(b.finish(), {}, inputs, pool)[0]);
}

TEST(SoftCrossEntropy, IsItsDefinition) {
  const Rows given(3);
  const Tensor got = run(given, [](Builder& b, ValueId logits, ValueId target) {
    return blocks::soft_cross_entropy(b, logits, target);
  });
  for (std::int64_t i = 0; i < rows; ++i)
    EXPECT_NEAR(get(got.view(), i),
                soft_cross_entropy_of(Rows::row(given.logits, i), Rows::row(given.target, i)), 1e-4)
        << i;
}

TEST(AlphaDivergence, IsTheLargerOfTwoByItsDefinition) {
  for (const double scale : {0.3, 3.0}) {
    const Rows given(scale);
    const Tensor got = run(given, [](Builder& b, ValueId logits, ValueId target) {
      return blocks::alpha_divergence(b, logits, target);
    });
    int low_is_larger = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      const Row logits = Rows::row(given.logits, i), p = Rows::row(given.target, i);
      EXPECT_NEAR(get(got.view(), i), alpha_divergence_of(logits, p, 5), 1e-4) << i;
      low_is_larger += alpha_divergence_of(logits, p, -1, 5) > alpha_divergence_of(logits, p, 1, 5);
    }
    EXPECT_GT(low_is_larger, 3);  // so that both count
    EXPECT_LT(low_is_larger, rows - 3);
  }
}

TEST(AlphaDivergence, RefusesAlphasThatHaveNone) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 2}});
  EXPECT_EQ(error_of([&] { blocks::alpha_divergence(b, x, x, {.low = 0}); }),
            "alpha_divergence: no divergence is for alphas of 0 and 1 (take a negative and a "
            "positive one)");
  EXPECT_EQ(error_of([&] { blocks::alpha_divergence(b, x, x, {.low = 2}); }),
            "alpha_divergence: no divergence is for alphas of 2 and 1 (take a negative and a "
            "positive one)");
}

}  // namespace
}  // namespace pliant
