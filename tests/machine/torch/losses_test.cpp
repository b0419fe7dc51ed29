// Gradients of losses that hold part of themselves fixed.
#include "graph/losses.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "graph/soft_losses.h"
#include "machine/torch/learner.h"
#include "machine/torch/one_thread.h"

namespace pliant::aten {
namespace {

// Without clipping the surrogate's gradient is the divergence's.
TEST(AlphaDivergence, HasTheGradientOfItsDefinition) {
  constexpr std::int64_t rows = 8, classes = 4;
  const TensorType type{DType::f32, {rows, classes}};
  auto weights = std::make_shared<WeightStore>();
  Tensor logits(type), target(type);
  Rng rng(2);
  fill_normal(logits.view(), rng, 0.5);
  std::vector<Row> all_logits, all_targets;
  for (std::int64_t i = 0; i < rows; ++i) {
    Row values, p;
    for (std::int64_t k = 0; k < classes; ++k) {
      values.push_back(get(logits.view(), i * classes + k));
      p.push_back(0.5 * rng.normal());
    }
    p = softmax_of(p);
    for (std::int64_t k = 0; k < classes; ++k) set(target.view(), i * classes + k, p[k]);
    all_logits.push_back(values);
    all_targets.push_back(p);
  }
  weights->add("logits", logits.copy());
  Builder b;
  const ValueId x = b.weight("logits", type), p = b.input("target", type);
  const ValueId each = blocks::alpha_divergence(b, x, p, {.clip = 1e6});
  b.output(b.reduce(kind::ReduceFn::sum, each, {0}), "loss");
  Group group;
  group.parameters.push_back({"logits", {}});
  Learner learner(one_thread(), weights, {group});
  const auto pass = learner.prepare(std::make_shared<const Graph>(b.finish()));
  const Tensor loss({DType::f32, {}});
  learner.accumulate(*pass, std::vector{target.view()}, std::vector{loss.view()}, 1);
  const Tensor got = learner.gradient("logits");
  double sum = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    sum += alpha_divergence_of(all_logits[i], all_targets[i], 1e6);
    for (std::int64_t k = 0; k < classes; ++k) {
      constexpr double step = 1e-5;
      Row up = all_logits[i], down = all_logits[i];
      up[k] += step;
      down[k] -= step;
      const double slope = (alpha_divergence_of(up, all_targets[i], 1e6) -
                            alpha_divergence_of(down, all_targets[i], 1e6)) /
                           (2 * step);
      EXPECT_NEAR(get(got.view(), i * classes + k), slope, 1e-5) << i << " " << k;
    }
  }
  EXPECT_NEAR(get(loss.view(), 0), sum, 1e-5);
}

}  // namespace
}  // namespace pliant::aten
