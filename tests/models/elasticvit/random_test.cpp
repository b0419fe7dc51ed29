#include "models/elasticvit/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/elasticvit/golden.h"
#include "models/elasticvit/tensors.h"

namespace pliant::elasticvit {
namespace {

std::vector<float> values(const WeightStore& store, const std::string& name) {
  const Tensor tensor = decode(store.at(name));
  const auto all = tensor.span<float>();
  return {all.begin(), all.end()};
}

TEST(InitialSupernet, HasEveryTensorAndDependsOnSeedAndNameAlone) {
  const Space a = toy_space("toy_a");
  Space deeper = a;
  deeper.stages[1].depths = {1, 2, 3};
  const WeightStore first = initial_supernet(a, 7), more = initial_supernet(deeper, 7),
                    other = initial_supernet(a, 8);
  for (const auto& [name, tensor] : supernet_tensors(a)) {
    ASSERT_EQ(first.at(name).type, (TensorType{DType::f32, tensor.shape}));
    EXPECT_TRUE(std::ranges::equal(values(first, name), values(more, name))) << name;
    const bool drawn = tensor.shape.size() > 1;
    EXPECT_EQ(std::ranges::equal(values(first, name), values(other, name)), !drawn) << name;
  }
}

TEST(InitialSupernet, BlocksOfStrideOneBeginAsTheirShortcuts) {
  const WeightStore store = initial_supernet(toy_space("toy_a"), 1);
  const auto begins_with = [&](const std::string& name) { return values(store, name)[0]; };
  EXPECT_EQ(begins_with("conv_stem.layers.0.0.pwl_bn.weight"), 0);
  EXPECT_EQ(begins_with("feature_exactor.0.layers.0.0.pwl_bn.weight"), 1);  // stride 2
  EXPECT_EQ(begins_with("feature_exactor.0.layers.1.0.pwl_bn.weight"), 0);
  EXPECT_EQ(begins_with("feature_exactor.2.layers.0.reduction.pwl_bn.weight"), 1);  // stride 2
  EXPECT_EQ(begins_with("feature_exactor.3.layers.0.reduction.pwl_bn.weight"), 0);
  EXPECT_EQ(begins_with("feature_exactor.3.layers.0.reduction.dw_bn.weight"), 1);
  EXPECT_EQ(begins_with("first_conv_bn.running_mean"), 0);
  EXPECT_EQ(begins_with("first_conv_bn.running_var"), 1);
  EXPECT_EQ(begins_with("classifer.bias"), 0);
}

TEST(InitialSupernet, DeviationsAreTheStatedOnes) {
  const WeightStore store = initial_supernet(toy_space("toy_a"), 1);
  const auto expect = [&](const std::string& name, double wanted) {
    const auto all = values(store, name);
    double squares = 0;
    for (const double each : all) squares += each * each;
    const auto count = static_cast<double>(all.size());
    // the deviation of a deviation is 1 / sqrt(2 n) of it
    EXPECT_NEAR(std::sqrt(squares / count), wanted, 4 * wanted / std::sqrt(2 * count)) << name;
  };
  expect("first_conv.weight", std::sqrt(2.0 / 27));
  expect("feature_exactor.0.layers.0.0.dw_conv.weight", std::sqrt(2.0 / 25));
  expect("feature_exactor.0.layers.0.0.shortcut_conv.weight", std::sqrt(1.0 / 24));
  expect("feature_exactor.2.layers.0.dw_v_conv.weight", std::sqrt(1.0 / 9));
  expect("feature_exactor.2.layers.0.qkv.weight", 0.02);
  expect("feature_exactor.2.layers.0.attention_bias", 0.02);
}

}  // namespace
}  // namespace pliant::elasticvit
