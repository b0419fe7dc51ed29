// Gradients of random graphs against differences of the reference evaluator.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "graph/passes/rebuild.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "machine/torch/learner.h"
#include "machine/torch/one_thread.h"

namespace pliant::aten {
namespace {

// The graph with a first output more: the sum of all elements of its float outputs, each with a
// factor of its own.
Graph with_loss(const Graph& graph, Rng& rng) {
  Rebuild rebuild(graph, /*keep_rows=*/false);
  rebuild.values([](const Op&) { return false; });
  Builder& b = rebuild.builder;
  ValueId loss = b.scalar(0);
  for (const ValueId old : graph.outputs()) {
    const ValueId x = rebuild.now(old);
    if (b.type(x).dtype != DType::f32) continue;
    Tensor factors(b.type(x));
    fill_normal(factors.view(), rng, 1);
    const ValueId scaled = b.map(argument(0) * argument(1), {x, b.constant(std::move(factors))});
    std::vector<int> axes;
    for (int axis = 0; axis < static_cast<int>(b.shape(x).size()); ++axis) axes.push_back(axis);
    const ValueId sum = axes.empty() ? scaled : b.reduce(kind::ReduceFn::sum, scaled, axes);
    loss = b.map(argument(0) + argument(1), {loss, sum});
  }
  b.output(loss, "loss");
  return b.finish();
}

struct RandomLoss {
  Graph graph;
  WeightStore weights;
  std::vector<Tensor> inputs;

  RandomLoss(const Graph& plain, std::uint64_t seed) : RandomLoss(plain, Rng(seed, 3), seed) {}
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    weights.for_each([&](const std::string& name, const Stored&) { result.push_back(name); });
    return result;
  }

 private:
  RandomLoss(const Graph& plain, Rng rng, std::uint64_t seed)
      : graph(with_loss(plain, rng)),
        weights(random_weights(graph, seed)),
        inputs(random_inputs(graph, rng)) {}
};

double reference_loss(const RandomLoss& subject, const std::string& name, const Tensor& direction,
                      double step, ThreadPool& pool) {
  WeightStore moved;
  subject.weights.for_each([&](const std::string& each, const Stored& stored) {
    Tensor value = decode(stored);
    if (each == name)
      for (std::int64_t i = 0; i < elements(value.type().shape); ++i)
        set(value.view(), i, get(value.view(), i) + step * get(direction.view(), i));
    moved.add(each, std::move(value));
  });
  return get(evaluate(subject.graph, moved, views_of(subject.inputs), pool)[0].view(), 0);
}

Tensor unit_direction(const TensorType& type, Rng& rng) {
  Tensor direction(type);
  fill_normal(direction.view(), rng, 1);
  double squares = 0;
  for (const float each : direction.span<float>()) squares += each * each;
  for (float& each : direction.span<float>()) each /= static_cast<float>(std::sqrt(squares));
  return direction;
}

struct Count {
  int compared = 0, kinks = 0;
};

// Along one random direction per weight. Where two steps disagree there is a kink between them.
void compare(const RandomLoss& subject, const Options& options, std::uint64_t seed, Count& count) {
  std::vector<Parameter> parameters;
  for (const std::string& name : subject.names()) parameters.push_back({name, {}});
  Group group;
  group.parameters = parameters;
  Learner learner(options, std::make_shared<const WeightStore>(subject.weights), {group});
  const auto pass = learner.prepare(std::make_shared<const Graph>(subject.graph));
  Tensor loss({DType::f32, {}});
  const std::vector<TensorView> inputs = views_of(subject.inputs), outputs{loss.view()};
  learner.accumulate(*pass, inputs, outputs, 1);
  ThreadPool pool(1);
  Rng rng(seed, 4);
  for (const std::string& name : subject.names()) {
    const Tensor direction = unit_direction(subject.weights.at(name).type, rng);
    const auto slope = [&](double step) {
      return (reference_loss(subject, name, direction, step, pool) -
              reference_loss(subject, name, direction, -step, pool)) /
             (2 * step);
    };
    const Tensor gradient = learner.gradient(name);
    double found = 0, size = 0;
    for (std::int64_t i = 0; i < elements(gradient.type().shape); ++i) {
      found += get(gradient.view(), i) * get(direction.view(), i);
      size += std::abs(get(gradient.view(), i) * get(direction.view(), i));
    }
    const double coarse = slope(8e-3), fine = slope(4e-3), allowed = 4e-3 * (1 + size);
    if (std::abs(coarse - fine) > allowed / 2) {
      ++count.kinks;
      continue;
    }
    ++count.compared;
    EXPECT_NEAR(found, fine, allowed) << "seed " << seed << ", weight " << name;
  }
}

TEST(TorchGradients, OfRandomGraphsAreSlopes) {
  std::set<std::string> kinds;
  Count count;
  Options options = one_thread();
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const RandomGraphOptions random{
        .operators = 6, .rows = seed % 4 == 3 ? 5 : 0, .integers = false};
    const RandomLoss subject(random_graph(rng, random), seed);
    if (subject.names().empty()) continue;
    for (const Op& op : subject.graph.ops()) kinds.insert(std::string(name(op.kind)));
    options.fused = seed % 2 == 0;
    compare(subject, options, seed, count);
  }
  EXPECT_EQ(kinds.size(), 16u);  // all but the foreign one
  EXPECT_GT(count.compared, 150);
  EXPECT_LT(count.kinks * 10, count.compared);
}

}  // namespace
}  // namespace pliant::aten
