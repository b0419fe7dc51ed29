#include "search/evaluate/evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/images/shapes.h"
#include "errors.h"
#include "machine/native/native.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/random.h"
#include "models/elasticvit/run.h"
#include "models/elasticvit/tensors.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

const elasticvit::Space& space() {
  static const elasticvit::Space toy = [] {
    elasticvit::Space made = elasticvit::toy_space("toy_a");
    made.head.classes = 16;
    return made;
  }();
  return toy;
}

// Two batches of four drawn shapes, and an evaluator of an untrained supernet.
struct World {
  data::Shapes shapes{{.count = 8, .side = 32}};
  data::ImageBatches batches{shapes,
                             {.batch = 4, .augment = {.side = 32}, .normalization = {}, .mix = {}}};
  ThreadPool pool{1};
  std::shared_ptr<const WeightStore> supernet =
      std::make_shared<const WeightStore>(elasticvit::initial_supernet(space(), 3));
  Evaluator evaluator{space(), supernet, [this] { return std::make_unique<native::Machine>(pool); },
                      pool};
};

TEST(Evaluator, EstimatesAreMeansOverBatches) {
  World world;
  const Architecture subnet = smallest(space());
  Pictures two(world.batches, 2), one(world.batches, 1);
  const RunningStatistics both = world.evaluator.estimate(subnet, two),
                          first = world.evaluator.estimate(subnet, one);
  std::size_t statistics = 0, differ = 0;
  for (const auto& [name, tensor] : supernet_tensors(space())) statistics += tensor.statistic;
  EXPECT_GT(both.size(), 10U);
  EXPECT_LE(both.size(), statistics);
  for (const auto& [name, tensor] : both) {
    const std::span<const float> got = tensor.span<float>(), begun = first.at(name).span<float>();
    for (const float each : got) EXPECT_TRUE(std::isfinite(each)) << name;
    differ += !std::ranges::equal(got, begun);
  }
  EXPECT_GT(differ, 10U);
}

// A batch normalisation's estimate from one batch makes it what it is in training.
TEST(Evaluator, AfterOneBatchEvaluationIsTraining) {
  World world;
  const Architecture subnet = largest(space());
  Pictures one(world.batches, 1);
  const RunningStatistics statistics = world.evaluator.estimate(subnet, one);
  const WeightStore weights = with_statistics(*world.supernet, statistics);
  EXPECT_EQ(weights.size(), world.supernet->size());
  const Graph training = subnet_graph(
                  space(), subnet,
                  {.batch = 4, .image_side = 32, .statistics = elasticvit::Statistics::momentum}),
              standing = subnet_graph(space(), subnet, {.batch = 4, .image_side = 32});
  std::vector<Tensor> inputs = elasticvit::alone(one.at(0).images.copy());
  const std::vector<Tensor> stands = elasticvit::reference_run(standing, weights, inputs);
  for (std::size_t i = 1; i < training.inputs().size(); ++i)
    inputs.emplace_back(training.value(training.inputs()[i]).type);
  const std::vector<Tensor> trains = elasticvit::reference_run(training, *world.supernet, inputs);
  double most = 0, size = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    const double a = stands[0].span<float>()[i], b = trains[0].span<float>()[i];
    most = std::max(most, std::abs(a - b));
    size = std::max(size, std::abs(b));
  }
  // the running variance is the unbiased one: of 16 values and more here
  EXPECT_LT(most, 0.2 * size);
  const Worth worth = world.evaluator.worth(subnet, statistics, one);
  double loss = 0, right = 0;
  for (std::size_t row = 0; row < 4; ++row) {
    const auto scores = stands[0].span<float>().subspan(row * 16, 16);
    const auto targets = one.at(0).targets.span<float>().subspan(row * 16, 16);
    const auto label = std::ranges::max_element(targets) - targets.begin();
    double sum = 0;
    for (const float each : scores) sum += std::exp(double{each});
    loss += (std::log(sum) - double{scores[static_cast<std::size_t>(label)]}) / 4;
    right += (std::ranges::max_element(scores) - scores.begin() == label) / 4.0;
  }
  EXPECT_NEAR(worth.loss, loss, 1e-4);
  EXPECT_EQ(worth.accuracy, right);
}

TEST(Pictures, AreTheSameKeptOrMadeAnew) {
  World world;
  Pictures kept(world.batches, 2), anew(world.batches, 2, 0);
  for (const std::int64_t i : {1, 0, 1})
    EXPECT_TRUE(
        std::ranges::equal(kept.at(i).images.span<float>(), anew.at(i).images.span<float>()));
  EXPECT_EQ(error_of([&] { Pictures(world.batches, 0); }), "pictures: there is no batch of them");
}

}  // namespace
}  // namespace pliant::search
