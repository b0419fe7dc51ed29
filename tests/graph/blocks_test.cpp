#include "graph/blocks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/check.h"
#include "graph/passes/passes.h"
#include "graph/random_graph.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

// Builds one block on inputs with the given values and evaluates it.
std::vector<double> run_block(
    const std::vector<Tensor>& inputs,
    const std::function<ValueId(Builder&, const std::vector<ValueId>&)>& build) {
  Builder b;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    ids.push_back(b.input("x" + std::to_string(i), inputs[i].type()));
  b.output(build(b, ids));
  Graph g = b.finish();
  ThreadPool pool(1);
  Tensor out = std::move(evaluate(g, {}, views_of(inputs), pool)[0]);
  std::vector<double> values;
  for (std::int64_t i = 0; i < elements(out.type().shape); ++i)
    values.push_back(get(out.view(), i));
  return values;
}

std::vector<Tensor> float_tensors(const std::vector<std::pair<Shape, std::vector<double>>>& all) {
  std::vector<Tensor> result;
  for (const auto& [shape, values] : all) result.push_back(Tensor::of(DType::f32, shape, values));
  return result;
}

void expect_near(const std::vector<double>& have, const std::vector<double>& want,
                 double slack = 1e-6) {
  ASSERT_EQ(have.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(have[i], want[i], slack) << "at " << i;
}

using Ids = const std::vector<ValueId>&;

TEST(Blocks, Activations) {
  auto x = float_tensors({{{5}, {-4, -1, 0, 1, 4}}});
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::relu(b, v[0]); }),
              {0, 0, 0, 1, 4});
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::clip(b, v[0], -2, INFINITY); }),
              {-2, -1, 0, 1, 4});
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::clip(b, v[0], -2, 3); }),
              {-2, -1, 0, 1, 3});
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::hard_swish(b, v[0]); }),
              {0, -1.0 / 3, 0, 2.0 / 3, 4});
  expect_near(
      run_block(x, [](Builder& b, Ids v) { return blocks::hard_sigmoid(b, v[0], 0.2, 0.5); }),
      {0, 0.3, 0.5, 0.7, 1});
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::gelu(b, v[0]); }),
              {-0.00012668, -0.15865525, 0, 0.84134475, 3.99987332}, 1e-6);
  expect_near(run_block(x, [](Builder& b, Ids v) { return blocks::silu(b, v[0]); }),
              {-0.07194484, -0.26894142, 0, 0.73105858, 3.92805516}, 1e-6);
}

TEST(Blocks, LinearKeepsLeadingAxes) {
  auto in =
      float_tensors({{{1, 2, 2}, {1, 2, 3, 4}}, {{3, 2}, {1, 0, 0, 1, 1, 1}}, {{3}, {10, 20, 30}}});
  expect_near(run_block(in, [](Builder& b, Ids v) { return blocks::linear(b, v[0], v[1], v[2]); }),
              {11, 22, 33, 13, 24, 37});
  expect_near(run_block(in, [](Builder& b, Ids v) { return blocks::linear(b, v[0], v[1]); }),
              {1, 2, 3, 3, 4, 7});
}

TEST(Blocks, LoraAndSwiglu) {
  auto in = float_tensors(
      {{{1, 2}, {1, 2}}, {{2, 2}, {1, 0, 0, 1}}, {{1, 2}, {1, 1}}, {{2, 1}, {1, -1}}});
  expect_near(
      run_block(in, [](Builder& b, Ids v) { return blocks::lora(b, v[0], v[1], v[2], v[3], 0.5); }),
      {2.5, 0.5});
  double g = 1 / (1 + std::exp(-1.0)), h = 4 / (1 + std::exp(-2.0));
  expect_near(
      run_block(in, [](Builder& b, Ids v) { return blocks::swiglu(b, v[0], v[1], v[1], v[2]); }),
      {g + h});
}

TEST(Blocks, BatchNormIsOneMapOnTheActivation) {
  auto in = float_tensors(
      {{{1, 2, 1, 2}, {1, 2, 3, 4}}, {{2}, {2, 3}}, {{2}, {1, -1}}, {{2}, {1, 2}}, {{2}, {4, 9}}});
  expect_near(
      run_block(in, [](Builder& b,
                       Ids v) { return blocks::batch_norm(b, v[0], v[1], v[2], v[3], v[4], 0); }),
      {1, 2, 0, 1});
  Builder b;
  ValueId x = b.input("x", f32({1, 2, 4, 4})), w = b.weight("w", f32({2, 2, 1, 1}));
  auto p = [&](const char* name) { return b.weight(name, f32({2})); };
  ValueId y = blocks::convolve(b, x, w, p("bias"), {});
  y = blocks::batch_norm(b, y, p("g"), p("b"), p("m"), p("v"), 1e-5);
  b.output(blocks::relu(b, y));
  Graph g = b.finish();
  EXPECT_EQ(groups(g).back().ops.size(), 4u);  // convolve, bias, affine, relu
}

TEST(Blocks, NormsScaleTheLastAxes) {
  auto in = float_tensors({{{1, 2}, {1, 3}}, {{2}, {2, 4}}, {{2}, {0.5, 0}}});
  expect_near(
      run_block(in, [](Builder& b, Ids v) { return blocks::layer_norm(b, v[0], v[1], v[2], 0); }),
      {-1.5, 4});
  expect_near(run_block(in,
                        [](Builder& b, Ids v) {
                          return blocks::layer_norm(b, v[0], blocks::none, blocks::none, 0);
                        }),
              {-1, 1});
  double rms = std::sqrt(5.0);
  expect_near(run_block(in, [](Builder& b, Ids v) { return blocks::rms_norm(b, v[0], v[1], 0); }),
              {2 / rms, 12 / rms});
}

TEST(Blocks, LrnIsOneGroupAndFollowsItsFormula) {
  Rng rng(1);
  auto in = float_tensors({{{1, 4, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8}}});
  std::vector<double> want;
  for (int c = 0; c < 4; ++c)
    for (int i = 0; i < 2; ++i) {
      double sum = 0;
      for (int k = std::max(0, c - 1); k <= std::min(3, c + 1); ++k)
        sum += std::pow(1.0 + 2 * k + i, 2);
      want.push_back((1.0 + 2 * c + i) / std::pow(2 + 0.1 / 3 * sum, 0.75));
    }
  expect_near(
      run_block(in, [](Builder& b, Ids v) { return blocks::lrn(b, v[0], 3, 0.1, 0.75, 2); }), want);
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 3, 3}));
  b.output(blocks::lrn(b, blocks::relu(b, x), 3, 0.1, 0.75, 2));
  Graph g = b.finish();
  EXPECT_EQ(groups(g).back().ops.size(), 5u);
  EXPECT_NE(error_of([&] { blocks::lrn(b, b.input("x", f32({3})), 3, 1, 1, 1); }), "accepted");
}

TEST(Blocks, ExpandAndGlobalAverage) {
  auto in = float_tensors({{{2, 1}, {1, 2}}});
  expect_near(run_block(in,
                        [](Builder& b, Ids v) {
                          return blocks::expand(b, v[0], {2, 2, 3});
                        }),
              {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
  auto image = float_tensors({{{1, 2, 2, 1}, {1, 3, 5, 9}}});
  expect_near(
      run_block(image, [](Builder& b, Ids v) { return blocks::global_average_pool(b, v[0]); }),
      {2, 7});
}

TEST(Blocks, ResizeFollowsItsCoordinates) {
  using namespace blocks;
  auto line = float_tensors({{{4}, {1, 2, 3, 4}}});
  auto resized = [&](std::int64_t size, Resize options) {
    return run_block(line, [&](Builder& b, Ids v) { return resize(b, v[0], {size}, options); });
  };
  expect_near(resized(8, {}), {1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4});
  expect_near(resized(7, {.coordinates = Coordinates::align_corners}), {1, 1.5, 2, 2.5, 3, 3.5, 4});
  expect_near(resized(8, {.coordinates = Coordinates::asymmetric}), {1, 1.5, 2, 2.5, 3, 3.5, 4, 4});
  expect_near(resized(1, {.coordinates = Coordinates::half_pixel_or_zero}), {1});
  expect_near(resized(8, {.mode = Interpolation::nearest}), {1, 1, 2, 2, 3, 3, 4, 4});
  expect_near(resized(8, {.mode = Interpolation::nearest,
                          .coordinates = Coordinates::asymmetric,
                          .nearest = Nearest::ceil}),
              {1, 2, 2, 3, 3, 4, 4, 4});
  expect_near(resized(2, {.mode = Interpolation::nearest,
                          .coordinates = Coordinates::asymmetric,
                          .nearest = Nearest::floor}),
              {1, 3});
  // Cubic: halving at half-pixel centres weighs (a/8, 1/2 - a/8, ...) symmetrically; a line stays a
  // line inside.
  expect_near(resized(2, {.mode = Interpolation::cubic, .exclude_outside = true}), {1.5, 3.5}, 0.2);
  expect_near(resized(4, {.mode = Interpolation::cubic, .scales = {1.0}}), {1, 2, 3, 4});
}

TEST(Blocks, ResizeMatricesSumToOne) {
  using namespace blocks;
  for (Interpolation mode : {Interpolation::linear, Interpolation::cubic})
    for (bool exclude : {false, true}) {
      Tensor m = resize_matrix(5, 9, 1.8, {.mode = mode, .exclude_outside = exclude});
      for (int i = 0; i < 9; ++i) {
        double sum = 0;
        for (int j = 0; j < 5; ++j) sum += get(m.view(), i * 5 + j);
        EXPECT_NEAR(sum, 1, 1e-6);
      }
    }
  Tensor cubic = resize_matrix(8, 16, 2, {.mode = Interpolation::cubic});
  // Row 5 lies at 2.25: Keys' weights at distances 1.25, 0.25, 0.75, 1.75 with a = -0.75.
  const double want[] = {-0.10546875, 0.87890625, 0.26171875, -0.03515625};
  for (int j = 0; j < 4; ++j) EXPECT_NEAR(get(cubic.view(), 5 * 8 + 1 + j), want[j], 1e-6);
}

TEST(Blocks, ResizeRefusesBadSizes) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3}));
  EXPECT_NE(error_of([&] { blocks::resize(b, x, {2}, {}); }), "accepted");
  EXPECT_NE(error_of([&] { blocks::resize(b, x, {2, 0}, {}); }), "accepted");
  EXPECT_NE(error_of([&] { blocks::resize(b, x, {2, 3}, {.scales = {1}}); }), "accepted");
  EXPECT_NE(error_of([&] { blocks::resize(b, x, {2, 3}, {.scales = {1, NAN}}); }), "accepted");
}

}  // namespace
}  // namespace pliant
