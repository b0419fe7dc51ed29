#include "search/supernet/supernet_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/rng.h"
#include "data/images/batches.h"
#include "errors.h"
#include "machine/torch/one_thread.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/random.h"
#include "models/elasticvit/run.h"
#include "models/elasticvit/tensors.h"
#include "search/samplers/uniform.h"
#include "search/supernet/groups.h"
#include "search/supernet/teaching.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;
using elasticvit::Objective;
using elasticvit::Space;

const Space& space() {
  static const Space toy = elasticvit::toy_space("toy_a");
  return toy;
}

struct Images {
  static constexpr std::int64_t batch = 4, side = 32;
  Tensor images{{DType::f32, {batch, 3, side, side}}};
  Tensor targets = data::distributions_of(std::vector<std::int64_t>{0, 1, 2, 3}, 10, 0.1);

  explicit Images(std::uint64_t seed) {
    Rng rng(seed);
    fill_normal(images.view(), rng, 1);
  }
  ImageBatch view() const { return {images.view(), targets.view()}; }
};

SupernetLearner new_learner(const TeachingOptions& teaching = {}) {
  aten::Group like;
  like.decay = 0.05;
  return {space(), aten::one_thread(), elasticvit::initial_supernet(space(), 3), like, teaching};
}

// Subnets that were drawn once: the largest, one between, the smallest.
std::vector<Drawn> three_subnets(bool with_largest) {
  UniformSampler sampler(space(), {.random = 1, .largest = with_largest, .bins = 1 << 10});
  return sampler.next();
}

struct Said {
  double loss;
  Tensor logits;
};

// By the reference evaluator, which knows neither torch nor the learner.
Said reference(const WeightStore& weights, const Architecture& subnet, const Images& images,
               const Tensor& targets, Objective objective) {
  const Graph graph = elasticvit::soft_loss_graph(space(), subnet,
                                                  {.batch = Images::batch,
                                                   .image_side = Images::side,
                                                   .statistics = elasticvit::Statistics::momentum},
                                                  objective);
  std::vector<Tensor> inputs = elasticvit::alone(images.images.copy());
  inputs.push_back(targets.copy());
  for (std::size_t i = 2; i < graph.inputs().size(); ++i)  // which the loss does not depend on
    inputs.emplace_back(graph.value(graph.inputs()[i]).type);
  std::vector<Tensor> results = elasticvit::reference_run(graph, weights, inputs);
  return {get(results[0].view(), 0), std::move(results[1])};
}

TEST(SupernetLearner, TheLargestTeachesRandomOnesAndTheyTheSmallest) {
  SupernetLearner learner = new_learner({.temperature = 0.5});
  const WeightStore weights = learner.weights();
  const Images images(1);
  const std::vector<Drawn> step = three_subnets(true);
  ASSERT_EQ(step.size(), 3U);
  const std::vector<double> losses = learner.accumulate(step, images.view());
  const Said largest =
      reference(weights, step[0].architecture, images, images.targets, Objective::cross_entropy);
  const Said between = reference(weights, step[1].architecture, images,
                                 softened(largest.logits.view(), 0.5), Objective::cross_entropy);
  const Said smallest = reference(weights, step[2].architecture, images,
                                  softened(between.logits.view(), 1), Objective::alpha_divergence);
  EXPECT_NEAR(losses[0], largest.loss, 1e-4);
  EXPECT_NEAR(losses[1], between.loss, 1e-4);
  EXPECT_NEAR(losses[2], smallest.loss, 1e-4);
}

TEST(SupernetLearner, WithoutTheLargestRandomOnesLearnFromTheTargets) {
  SupernetLearner learner = new_learner();
  const WeightStore weights = learner.weights();
  const Images images(1);
  const std::vector<Drawn> step = three_subnets(false);
  const std::vector<double> losses = learner.accumulate(step, images.view());
  EXPECT_NEAR(
      losses[0],
      reference(weights, step[0].architecture, images, images.targets, Objective::cross_entropy)
          .loss,
      1e-4);
  const std::vector<double> scores =
      new_learner().scores(std::vector{step[0].architecture}, images.view());
  EXPECT_EQ(scores, std::vector{-losses[0]});
}

void expect_equal(const WeightStore& a, const WeightStore& b) {
  EXPECT_EQ(a.size(), b.size());
  a.for_each([&](const std::string& name, const Stored& stored) {
    EXPECT_TRUE(std::ranges::equal(stored.bytes, b.at(name).bytes)) << name;
  });
}

TEST(SupernetLearner, ScoringChangesNothing) {
  const SupernetLearner learner = new_learner();
  const WeightStore before = learner.state();
  const Images images(1);
  learner.scores(std::vector{largest(space())}, images.view());
  expect_equal(learner.state(), before);
}

double take_step(SupernetLearner& learner, std::span<const Drawn> step, const Images& images) {
  learner.learner().clear_gradients();
  double sum = 0;
  for (const double each : learner.accumulate(step, images.view())) sum += each;
  learner.learner().clip_gradients_by_weights(0.1);
  learner.learner().update(2e-3);
  learner.learner().average(0.9);
  return sum;
}

TEST(SupernetLearner, LearnsAndGoesOnFromItsStateBitByBit) {
  SupernetLearner learner = new_learner();
  const Images images(1);
  const std::vector<Drawn> step = three_subnets(true);
  const double first = take_step(learner, step, images);
  for (int i = 0; i < 3; ++i) take_step(learner, step, images);
  const WeightStore saved = learner.state();
  SupernetLearner other = new_learner();
  other.restore(saved);
  double last = 0;
  for (int i = 0; i < 2; ++i) {
    last = take_step(learner, step, images);
    EXPECT_EQ(take_step(other, step, images), last);
  }
  expect_equal(other.state(), learner.state());
  EXPECT_LT(last, first);
}

TEST(SupernetLearner, StatesThatDoNotFitChangeNothing) {
  SupernetLearner learner = new_learner();
  const WeightStore before = learner.state();
  Space wider = space();
  wider.stages.back().widths.back() = 64;
  aten::Group like;
  const SupernetLearner stranger(wider, aten::one_thread(), elasticvit::initial_supernet(wider, 3),
                                 like);
  EXPECT_EQ(thrown_by([&] { learner.restore(stranger.state()); }).kind(), ErrorKind::invalid);
  expect_equal(learner.state(), before);
  EXPECT_EQ(thrown_by([&] {
              SupernetLearner(wider, aten::one_thread(), elasticvit::initial_supernet(space(), 3),
                              like);
            }).kind(),
            ErrorKind::invalid);
}

TEST(SupernetLearner, WeightsAreAllTensorsOfTheSupernet) {
  const SupernetLearner learner = new_learner();
  const WeightStore weights = learner.weights();
  const elasticvit::SupernetTensors wanted = supernet_tensors(space());
  EXPECT_EQ(weights.size(), wanted.size());
  for (const auto& [name, tensor] : wanted) EXPECT_EQ(weights.at(name).type.shape, tensor.shape);
}

TEST(SupernetGroups, ConvolutionalPartsDoNotDecay) {
  aten::Group like;
  like.decay = 0.05;
  like.beta2 = 0.7;
  const std::vector<aten::Group> groups = supernet_groups(space(), like);
  ASSERT_EQ(groups.size(), 2U);
  const auto decay_of = [&](const std::string& name) {
    for (const aten::Group& group : groups) {
      EXPECT_EQ(group.beta2, 0.7);
      for (const aten::Parameter& each : group.parameters)
        if (each.name == name) return group.decay;
    }
    ADD_FAILURE() << name;
    return -1.0;
  };
  for (const char* name : {"qkv.weight", "proj.weight", "dw_v_conv.weight"})
    EXPECT_EQ(decay_of(std::string("feature_exactor.2.layers.0.") + name), 0.05) << name;
  EXPECT_EQ(decay_of("feature_exactor.2.layers.1.fc1.weight"), 0.05);
  EXPECT_EQ(decay_of("classifer.weight"), 0.05);
  for (const char* name :
       {"first_conv.weight", "classifer.bias", "feature_exactor.0.layers.0.0.pw_conv.weight",
        "feature_exactor.2.layers.0.reduction.pwl_conv.weight",
        "feature_exactor.2.layers.0.attention_bias", "feature_exactor.2.layers.0.norm1.weight"})
    EXPECT_EQ(decay_of(name), 0) << name;
  std::size_t parameters = 0;
  for (const auto& [name, tensor] : supernet_tensors(space())) parameters += !tensor.statistic;
  EXPECT_EQ(groups[0].parameters.size() + groups[1].parameters.size(), parameters);
}

}  // namespace
}  // namespace pliant::search
