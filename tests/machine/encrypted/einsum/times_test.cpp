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
  TransformTimes transform(Diagonals, int) override { return {}; }
  Operation only;
};

// One part of a transform takes a second at level 1, where there are few or many diagonals to a
// baby; with the other the whole takes very long.
struct OnePart : Times {
  explicit OnePart(double TransformTimes::*which, Diagonals way = Diagonals::few)
      : only(which), quicker(way) {}
  double seconds(Operation, int) override { return 0; }
  TransformTimes transform(Diagonals diagonals, int level) override {
    TransformTimes result;
    if (diagonals == quicker && level == 1) result.*only = 1;
    else result = {.diagonal = 1e9, .result = 1e9};
    return result;
  }
  double TransformTimes::*only;
  Diagonals quicker;
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

// A rotation adds one to a ciphertext's errors, a sum has those of both; too many are one.
TEST(Times, CountTheErrorsThatSumsFollow) {
  struct Errors : OneTime {
    explicit Errors(std::int64_t followed) : OneTime(Operation::error), most(followed) {}
    std::int64_t most_errors() const override { return most; }
    std::int64_t most;
  };
  ProgramBuilder builder(8, {1});
  const PlacedTensor x = builder.input(0, row_major("i", {8}, 8));
  Program program = builder.take({builder.shift_sum(x.ciphertexts.at(0), 4, 1)});
  assign_levels(program, 1);
  const auto errors = [&](std::int64_t most) {
    Errors times(most);
    const Prediction result = predict(program, times);
    EXPECT_EQ(result.parts.at(Operation::error).count, result.evaluation);
    return result.evaluation;
  };
  EXPECT_EQ(errors(100), (1 + 2) + (3 + 4));
  EXPECT_EQ(errors(3), (1 + 2) + 3);  // those of the second rotation are no longer followed
}

TEST(Times, CountThePartsOfATransform) {
  const Plan plan = einsum::plan("ij->ji", all_secret({{8, 8}}), {.slots = 64, .canonical = true});
  const Counts counts = einsum::counts(plan.program);
  ASSERT_GT(counts.diagonals, 0);
  const auto predicted = [&](double TransformTimes::*only, Diagonals way = Diagonals::few) {
    OnePart times(only, way);
    const Prediction result = predict(plan.program, times);
    EXPECT_EQ(result.parts.at(Operation::transform).seconds, result.evaluation);
    return result.evaluation;
  };
  using T = TransformTimes;
  EXPECT_EQ(predicted(&T::baby) + predicted(&T::giant) + predicted(&T::chained), counts.rotations);
  EXPECT_EQ(predicted(&T::giant), 2);  // the outermost ones of both directions
  EXPECT_GT(predicted(&T::chained), 0);
  EXPECT_EQ(predicted(&T::source), 1);
  EXPECT_EQ(predicted(&T::diagonal), counts.diagonals);
  EXPECT_EQ(predicted(&T::diagonal, Diagonals::many), counts.diagonals);
  EXPECT_EQ(predicted(&T::result), 1);
  OneTime encoding(Operation::diagonal_encoding);
  EXPECT_EQ(predict(plan.program, encoding).encoding, counts.diagonals);
}

// Diagonals of one number are encoded once.
TEST(Times, CountEveryDiagonalsEncodingOnce) {
  Program program;
  program.slots = 8;
  program.values = ById<CipherId, State>(2, State{.level = 1});
  program.values[CipherId{1}].level = 0;
  program.plains.push_back({});
  program.steps.push_back({Input{}, {CipherId{0}}});
  Transform how{.of = {CipherId{0}}};
  for (const std::int64_t baby : {0, 1, 2}) how.terms.push_back({0, 0, 0, baby, PlainId{0}});
  program.steps.push_back({how, {CipherId{1}}});
  OneTime encoding(Operation::diagonal_encoding);
  EXPECT_EQ(predict(program, encoding).encoding, 1);
  OnePart diagonals(&TransformTimes::diagonal);
  EXPECT_EQ(predict(program, diagonals).evaluation, 3);
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
  EXPECT_EQ(watch.seconds(Operation::error, 2), 0);  // it follows none
  for (const Diagonals way : {Diagonals::few, Diagonals::many}) {
    const TransformTimes parts = watch.transform(way, 2);
    EXPECT_GE(parts.giant, 0);
    EXPECT_GT(parts.source + parts.baby + parts.diagonal + parts.result, 0);
    EXPECT_TRUE(std::isinf(watch.transform(way, 3).baby));
  }
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
