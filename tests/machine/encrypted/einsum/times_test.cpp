// Predicted times, and plans chosen by them.
#include "machine/encrypted/einsum/program/times.h"

#include <gtest/gtest.h>

#include "machine/encrypted/einsum/backend/measure.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

// One operation takes a second at level 1, ten at others; all else nothing.
struct OneTime : Times {
  explicit OneTime(Operation which) : only(which) {}
  double seconds(Operation operation, int level) override {
    return operation != only ? 0 : level == 1 ? 1 : 10;
  }
  Operation only;
};

TEST(Times, CountEveryOperationAtItsLevel) {
  ProgramBuilder builder(8, {1});
  const PlacedTensor x = builder.input(0, row_major("i", {8}, 8));
  const CipherId turned = builder.rotate(x.ciphertexts.at(0), 1);
  const CipherId square = builder.rescale(builder.relinearize(builder.multiply(turned, turned)));
  const CipherId out = builder.add(square, builder.rotate(square, 2));
  Program program = builder.take({out});
  assign_levels(program, 0);
  const auto evaluation = [&](Operation only) {
    OneTime times(only);
    return predict(program, times).evaluation;
  };
  EXPECT_EQ(evaluation(Operation::rotation), 11);  // at levels 1 and 0
  EXPECT_EQ(evaluation(Operation::product), 1);
  EXPECT_EQ(evaluation(Operation::relinearization), 1);
  EXPECT_EQ(evaluation(Operation::rescale), 0);  // within the relinearisation
  EXPECT_EQ(evaluation(Operation::addition), 10);
}

TEST(Times, CountThePartsOfATransform) {
  const Plan plan = einsum::plan("ij->ji", all_secret({{8, 8}}), {.slots = 64, .canonical = true});
  const Counts counts = einsum::counts(plan.program);
  ASSERT_GT(counts.diagonals, 0);
  const auto predicted = [&](Operation only) {
    OneTime times(only);
    const Prediction result = predict(plan.program, times);
    return result.evaluation + result.encoding;
  };
  EXPECT_EQ(predicted(Operation::baby) + predicted(Operation::giant), counts.rotations);
  EXPECT_EQ(predicted(Operation::diagonal), counts.diagonals);
  EXPECT_EQ(predicted(Operation::encoding), counts.diagonals);
  EXPECT_EQ(predicted(Operation::result), 1);
}

TEST(Times, AreMeasuredOnceAndAreForeverBeyondTheLevels) {
  Simulator simulator({.slots = 64, .levels = 2});
  double now = 0;
  Stopwatch watch(simulator, [&] { return now += 1; });
  EXPECT_EQ(watch.seconds(Operation::encoding, 2), 1);  // between two looks at the clock
  const double before = now;
  EXPECT_EQ(watch.seconds(Operation::encoding, 2), 1);
  EXPECT_EQ(now, before);
  EXPECT_GT(watch.seconds(Operation::rotation, 1), 0);
  EXPECT_TRUE(std::isinf(watch.seconds(Operation::rotation, 3)));
  EXPECT_GE(watch.seconds(Operation::giant, 2), 0);
}

TEST(Times, ChooseAmongAlternatives) {
  const auto operands = all_secret({{8, 8}, {8, 8}});
  const Stage stage{"ik,kj->ij", {0, 1}};
  PlanOptions options{.slots = 512};
  const std::vector<Plan> by_cost = alternatives(std::span(&stage, 1), operands, options);
  ASSERT_GT(by_cost.size(), 1u);
  EXPECT_EQ(explain(by_cost[0]), explain(plan("ik,kj->ij", operands, options)));
  const std::vector<Tensor> tensors = random_tensors({{8, 8}, {8, 8}}, 1);
  for (const Plan& each : by_cost) {
    Simulator simulator({.slots = 512, .levels = each.levels()});
    EXPECT_LT(difference(run(each, simulator, views(tensors)).outputs[0],
                         reference("ik,kj->ij", views(tensors))),
              1e-9);
  }
  OneTime rotations(Operation::rotation);
  options.times = &rotations;
  const std::vector<Plan> by_time = alternatives(std::span(&stage, 1), operands, options);
  for (std::size_t i = 1; i < by_time.size(); ++i)
    EXPECT_LE(predict(by_time[i - 1].program, rotations).evaluation,
              predict(by_time[i].program, rotations).evaluation);
  EXPECT_NE(explain(by_time[0]).find("predicted: "), std::string::npos);
}

}  // namespace
}  // namespace pliant::einsum
