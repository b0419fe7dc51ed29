// The learner's own rules, on losses small enough to compute by hand.
#include "machine/torch/learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "errors.h"
#include "graph/builder.h"
#include "machine/torch/one_thread.h"

namespace pliant::aten {
namespace {

// loss = sum of x^2 * w over w [2,3], beside v [2,3], which it does not use, and y = w summed
struct Subject {
  std::shared_ptr<WeightStore> weights = std::make_shared<WeightStore>();
  std::shared_ptr<const Graph> graph;

  Subject() {
    weights->add("w", Tensor::of(DType::f32, {2, 3}, {1, 2, 3, -4, -5, 6}));
    weights->add("v", Tensor::of(DType::f32, {2, 3}, {1, 1, 1, 1, 1, 1}));
    weights->add("n", Tensor::of(DType::i32, {1}, {7}));
    Builder b;
    const ValueId x = b.input("x", {DType::f32, {2, 3}}), w = b.weight("w", {DType::f32, {2, 3}});
    const ValueId products = b.map(argument(0) * argument(0) * argument(1), {x, w});
    b.output(b.reduce(kind::ReduceFn::sum, products, {0, 1}), "loss");
    b.output(b.reduce(kind::ReduceFn::sum, w, {0, 1}), "sum");
    graph = std::make_shared<const Graph>(b.finish());
  }
};

Group group_of(std::vector<std::string> names, Rule rule = Rule::adamw) {
  Group group;
  group.rule = rule;
  for (std::string& name : names) group.parameters.push_back({std::move(name), {}});
  return group;
}

std::vector<double> values(const Tensor& tensor) {
  std::vector<double> result;
  for (const float each : tensor.span<float>()) result.push_back(each);
  return result;
}

class Trainee {
 public:
  explicit Trainee(std::vector<Group> groups)
      : learner(one_thread(), subject.weights, std::move(groups)),
        pass_(learner.prepare(subject.graph)) {}
  double step(double weight = 1) {
    Tensor loss({DType::f32, {}}), sum({DType::f32, {}});
    const Tensor x = Tensor::of(DType::f32, {2, 3}, {1, 2, 0, 1, 1, -1});
    const std::vector<TensorView> in{x.view()}, out{loss.view(), sum.view()};
    learner.accumulate(*pass_, in, out, weight);
    return get(loss.view(), 0);
  }
  double sum_of(bool averaged) const {
    Tensor loss({DType::f32, {}}), sum({DType::f32, {}});
    const Tensor x({DType::f32, {2, 3}});
    const std::vector<TensorView> in{x.view()}, out{loss.view(), sum.view()};
    learner.evaluate(*pass_, in, out, averaged);
    return get(sum.view(), 0);
  }

  Subject subject;
  Learner learner;

 private:
  std::unique_ptr<Pass> pass_;
};

TEST(Learner, GradientsAddUpUntilTheyAreCleared) {
  Trainee trainee({group_of({"w", "v"})});
  EXPECT_EQ(trainee.step(1), 1 + 8 - 4 - 5 + 6);
  trainee.step(0.5);
  EXPECT_EQ(values(trainee.learner.gradient("w")), (std::vector<double>{1.5, 6, 0, 1.5, 1.5, 1.5}));
  EXPECT_EQ(values(trainee.learner.gradient("v")), std::vector<double>(6, 0));
  EXPECT_NEAR(trainee.learner.gradient_norm(), std::sqrt(4 * 2.25 + 36), 1e-6);
  trainee.learner.scale_gradients(2);
  EXPECT_EQ(values(trainee.learner.gradient("w"))[1], 12);
  trainee.learner.clear_gradients();
  EXPECT_EQ(trainee.learner.gradient_norm(), 0);
  EXPECT_EQ(trainee.learner.parameters(), 12);
}

TEST(Learner, ClipsTheGradientOfARowByItsWeights) {
  Trainee trainee({group_of({"w", "v"})});
  trainee.step();                                   // d/dw = [1 4 0; 1 1 1]; w = [1 2 3; -4 -5 6]
  const double first = 0.2 * std::sqrt(14.0 / 17);  // rows' lengths: sqrt(14) and sqrt(17)
  trainee.learner.clip_gradients_by_weights(0.2);
  const std::vector<double> got = values(trainee.learner.gradient("w")),
                            wanted{first, 4 * first, 0, 1, 1, 1};  // the second is short enough
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-6) << i;
  EXPECT_EQ(values(trainee.learner.gradient("v")), std::vector<double>(6, 0));
}

TEST(Learner, ClipsWhatHasOneAxisAsAWhole) {
  auto weights = std::make_shared<WeightStore>();
  weights->add("scale", Tensor::of(DType::f32, {3}, {0, 0, 0}));
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {3}}), w = b.weight("scale", {DType::f32, {3}});
  b.output(b.reduce(kind::ReduceFn::sum, b.map(argument(0) * argument(1), {x, w}), {0}), "loss");
  Learner learner(one_thread(), weights, {group_of({"scale"})});
  const auto pass = learner.prepare(std::make_shared<const Graph>(b.finish()));
  const Tensor in = Tensor::of(DType::f32, {3}, {3, 0, 4}), loss({DType::f32, {}});
  learner.accumulate(*pass, std::vector{in.view()}, std::vector{loss.view()}, 1);
  learner.clip_gradients_by_weights(0.1);  // weights of length 0 count as 1e-3
  const std::vector<double> got = values(learner.gradient("scale"));
  EXPECT_NEAR(got[0], 0.6e-4, 1e-9);
  EXPECT_EQ(got[1], 0);
  EXPECT_NEAR(got[2], 0.8e-4, 1e-9);
}

TEST(Learner, AdamwMovesBySigns) {
  Group group = group_of({"w"});
  group.decay = 0.5;
  group.rate = 2;
  Trainee trainee({group});
  trainee.step();
  trainee.learner.update(0.05);  // the first step of Adam is the sign of the gradient
  const std::vector<double> w = values(trainee.learner.parameter("w")), was{1, 2, 3, -4, -5, 6},
                            sign{1, 1, 0, 1, 1, 1};
  for (std::size_t i = 0; i < w.size(); ++i)
    EXPECT_NEAR(w[i], was[i] * (1 - 0.1 * 0.5) - 0.1 * sign[i], 1e-6);
  EXPECT_EQ(trainee.learner.steps(), 1);
}

TEST(Learner, CautiousDecayHeedsTheSignOfTheStep) {
  Group group = group_of({"w"});
  group.decay = 0.5;
  group.cautious = true;
  Trainee trainee({group});
  trainee.step();
  trainee.learner.update(0.1);
  const std::vector<double> w = values(trainee.learner.parameter("w")), was{1, 2, 3, -4, -5, 6},
                            sign{1, 1, 0, 1, 1, 1}, decays{1, 1, 0, 0, 0, 1};
  for (std::size_t i = 0; i < w.size(); ++i)
    EXPECT_NEAR(w[i], was[i] * (1 - 0.05 * decays[i]) - 0.1 * sign[i], 1e-6);
}

// The step of Muon on a matrix [2,3] has singular values near 0.2 sqrt(3).
TEST(Learner, MuonStepsAreNearlyOrthogonal) {
  Trainee trainee({group_of({"w"}, Rule::muon)});
  trainee.step();
  trainee.learner.update(1);
  const std::vector<double> w = values(trainee.learner.parameter("w")), was{1, 2, 3, -4, -5, 6};
  double a = 0, b = 0, c = 0;  // of the Gram matrix of the step
  for (std::size_t i = 0; i < 3; ++i) {
    const double top = was[i] - w[i], low = was[i + 3] - w[i + 3];
    a += top * top, b += top * low, c += low * low;
  }
  const double middle = (a + c) / 2, apart = std::sqrt((a - c) * (a - c) / 4 + b * b),
               factor = 0.2 * std::sqrt(3);
  for (const double singular : {std::sqrt(middle + apart), std::sqrt(middle - apart)}) {
    EXPECT_GT(singular, 0.65 * factor);
    EXPECT_LT(singular, 1.25 * factor);
  }
}

// A block of one row becomes a vector of nearly unit length; both rows together would not.
TEST(Learner, MuonTakesEachBlockAlone) {
  Group group = group_of({"w"}, Rule::muon);
  group.parameters[0].blocks = {1, 1};
  Trainee trainee({group});
  trainee.step();
  trainee.learner.update(1);
  const std::vector<double> w = values(trainee.learner.parameter("w")), was{1, 2, 3, -4, -5, 6};
  for (const std::size_t row : {0, 3}) {
    double squares = 0;
    for (std::size_t i = row; i < row + 3; ++i) squares += (was[i] - w[i]) * (was[i] - w[i]);
    EXPECT_GT(std::sqrt(squares), 0.65 * 0.2 * std::sqrt(3));
    EXPECT_LT(std::sqrt(squares), 1.25 * 0.2 * std::sqrt(3));
  }
}

TEST(Learner, AveragesItsParameters) {
  Trainee trainee({group_of({"w"})});
  trainee.learner.average(0.5);
  const double first = trainee.sum_of(false);
  EXPECT_EQ(trainee.sum_of(true), first);
  trainee.step();
  trainee.learner.update(1);
  const double second = trainee.sum_of(false);
  trainee.learner.average(0.25);
  EXPECT_NEAR(trainee.sum_of(true), 0.25 * first + 0.75 * second, 1e-5);
  EXPECT_EQ(trainee.sum_of(false), second);
  const WeightStore weights = trainee.learner.weights(true);
  EXPECT_EQ(weights.size(), 3u);
  EXPECT_EQ(get(decode(weights.at("n")).view(), 0), 7);
}

std::vector<Group> both_rules() { return {group_of({"w"}, Rule::muon), group_of({"v"})}; }

void expect_equal(const WeightStore& a, const WeightStore& b) {
  ASSERT_EQ(a.size(), b.size());
  a.for_each([&](const std::string& name, const Stored& stored) {
    EXPECT_TRUE(std::ranges::equal(stored.bytes, b.at(name).bytes)) << name;
  });
}

TEST(Learner, RestoredGoesOnBitByBit) {
  Trainee whole(both_rules()), later(both_rules());
  for (int i = 0; i < 2; ++i) {
    whole.step();
    whole.learner.update(0.1);
    whole.learner.average(0.5);
  }
  later.learner.restore(whole.learner.state());
  EXPECT_EQ(later.learner.steps(), 2);
  for (Trainee* each : {&whole, &later}) {
    each->learner.clear_gradients();
    each->step();
    each->learner.update(0.1);
    each->learner.average(0.5);
  }
  expect_equal(later.learner.state(), whole.learner.state());
  EXPECT_NE(whole.learner.state().find("average.w"), nullptr);
  EXPECT_EQ(whole.learner.state().find("second.w"), nullptr);  // Muon has one moment
}

TEST(Learner, StatesThatDoNotFitChangeNothing) {
  Trainee trainee(both_rules());
  const WeightStore before = trainee.learner.state();
  const auto with = [&](const std::string& name, const TensorType& type, bool leave_out) {
    WeightStore state;
    before.for_each([&](const std::string& each, const Stored& stored) {
      if (each != name) state.add(each, decode(stored));
    });
    if (!leave_out) state.add(name, Tensor(type));
    return state;
  };
  const auto place = [&](const WeightStore& state) {
    const Error error = thrown_by([&] { trainee.learner.restore(state); });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.place();
  };
  EXPECT_EQ(place(with("first.w", {}, true)), "first.w");
  EXPECT_EQ(place(with("second.v", {DType::f32, {3, 2}}, false)), "second.v");
  EXPECT_EQ(place(with("first.z", {DType::f32, {1}}, false)), "first.z");
  EXPECT_EQ(place(with("steps", {}, true)), "steps");
  expect_equal(trainee.learner.state(), before);
}

TEST(Learner, RefusesGroupsThatCannotBe) {
  Subject subject;
  const auto error = [&](std::vector<Group> groups) {
    return thrown_by([&] { Learner(one_thread(), subject.weights, std::move(groups)); });
  };
  EXPECT_EQ(error({group_of({"w"}), group_of({"w"})}).problem(), "stands in two groups");
  EXPECT_EQ(error({group_of({"n"})}).kind(), ErrorKind::invalid);
  EXPECT_EQ(error({group_of({"absent"})}).kind(), ErrorKind::not_found);
  Group blocks = group_of({"w"}, Rule::muon);
  blocks.parameters[0].blocks = {1, 2};
  EXPECT_EQ(error({blocks}).problem(), "blocks of 3 rows in a matrix of 2");
  subject.weights->add("flat", Tensor({DType::f32, {6}}));
  EXPECT_EQ(error({group_of({"flat"}, Rule::muon)}).problem(),
            "[6] is no matrix, which Muon needs");
}

TEST(Learner, RefusesALossThatIsNoNumber) {
  Subject subject;
  Builder b;
  b.output(b.weight("w", {DType::f32, {2, 3}}), "w");
  Learner learner(one_thread(), subject.weights, {group_of({"w"})});
  EXPECT_EQ(thrown_by([&] { learner.prepare(std::make_shared<const Graph>(b.finish())); }).place(),
            "output w");
}

}  // namespace
}  // namespace pliant::aten
