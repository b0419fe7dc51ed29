#include "eval/classes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace pliant::eval {
namespace {

Tensor scores_of(const std::vector<double>& values) {
  Tensor tensor({DType::f32, {1, std::ssize(values)}});
  for (std::size_t i = 0; i < values.size(); ++i)
    set(tensor.view(), static_cast<std::int64_t>(i), values[i]);
  return tensor;
}

TEST(Classes, AreTheHighestScoresWithTheirSoftmax) {
  const std::vector<std::string> labels{"a", "b", "c"};
  const Tensor scores = scores_of({0, std::log(6.0), 0});
  const std::vector<Class> top = top_classes(scores.view(), 2, labels);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].index, 1);
  EXPECT_EQ(top[0].label, "b");
  EXPECT_NEAR(top[0].probability, 0.75, 1e-6);
  EXPECT_EQ(top[1].index, 0) << "of equal ones the first";
  EXPECT_NEAR(top[1].probability, 0.125, 1e-6);
}

TEST(Classes, KeepWhatIsAProbabilityAlready) {
  const Tensor scores = scores_of({0.25, 0.75});
  const std::vector<Class> top = top_classes(scores.view(), 9);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].probability, 0.75);
  EXPECT_EQ(top[1].probability, 0.25);
  EXPECT_EQ(top[0].label, "");
}

TEST(Classes, OfNothingAreNone) { EXPECT_TRUE(top_classes(scores_of({}).view(), 3).empty()); }

}  // namespace
}  // namespace pliant::eval
