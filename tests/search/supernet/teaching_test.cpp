#include "search/supernet/teaching.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "errors.h"

namespace pliant::search {
namespace {

TEST(Teaching, SoftenedIsASoftmaxAtATemperature) {
  const Tensor logits = Tensor::of(DType::f32, {2, 3}, {1, 2, 3, 1000, -1000, 1000});
  const Tensor got = softened(logits.view(), 0.5);
  const double sum = std::exp(-4) + std::exp(-2) + 1;
  EXPECT_NEAR(got.span<float>()[0], std::exp(-4) / sum, 1e-7);
  EXPECT_NEAR(got.span<float>()[1], std::exp(-2) / sum, 1e-7);
  EXPECT_NEAR(got.span<float>()[2], 1 / sum, 1e-7);
  EXPECT_EQ(got.span<float>()[3], 0.5F);
  EXPECT_EQ(got.span<float>()[4], 0);
  EXPECT_EQ(error_of([&] { softened(logits.view(), 0); }), "temperature: 0 is not positive");
}

TEST(Teaching, MeansAreByElement) {
  std::vector<Tensor> two;
  two.push_back(Tensor::of(DType::f32, {1, 2}, {0.25, 0.75}));
  two.push_back(Tensor::of(DType::f32, {1, 2}, {0.75, 0.25}));
  const Tensor mean = mean_of(two);
  EXPECT_EQ(mean.span<float>()[0], 0.5F);
  EXPECT_EQ(mean.span<float>()[1], 0.5F);
  EXPECT_EQ(error_of([] { mean_of({}); }), "teachers: there are none");
}

}  // namespace
}  // namespace pliant::search
