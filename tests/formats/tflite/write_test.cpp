// What is written computes what the graph computes, by an interpreter that shares no code with the
// writer; what cannot be said is refused by name.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "formats/tflite/interpreter.h"
#include "formats/tflite/tflite.h"
#include "graph/passes/passes.h"
#include "graph/random_graph.h"
#include "graph/reference/reference.h"

namespace pliant::tflite {
namespace {

// The values of a tensor as the file has them: those of rank 4 channels last.
std::vector<double> as_in_file(const TensorView& x) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < elements(x.type.shape); ++i) values.push_back(get(x, i));
  const Shape& s = x.type.shape;
  if (s.size() != 4) return values;
  std::vector<double> turned(values.size());
  for (std::int64_t i = 0; i < std::ssize(values); ++i) {
    const std::int64_t w = i % s[3], h = i / s[3] % s[2], c = i / (s[3] * s[2]) % s[1],
                       n = i / (s[3] * s[2] * s[1]);
    turned[((n * s[2] + h) * s[3] + w) * s[1] + c] = values[i];
  }
  return turned;
}

Interpreted written(const Graph& graph, const WeightStore& weights,
                    const std::vector<Tensor>& inputs) {
  std::vector<std::vector<double>> values;
  for (const Tensor& each : inputs) values.push_back(as_in_file(each.view()));
  return interpret(write_tflite(graph, weights), values);
}

// "" where the file gives the graph's outputs.
std::string difference_of(const Graph& graph, const WeightStore& weights,
                          const std::vector<Tensor>& inputs) {
  ThreadPool pool(2);
  const auto wanted = evaluate(graph, weights, views_of(inputs), pool);
  const Interpreted got = written(graph, weights, inputs);
  if (got.output_names != graph.output_names()) return "other names of outputs";
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const auto values = as_in_file(wanted[k].view());
    if (values.size() != got.outputs[k].size()) return fmt::format("output {}: other size", k);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!(std::abs(values[i] - got.outputs[k][i]) <= 1e-4 + 1e-4 * std::abs(values[i])))
        return fmt::format("output {} at {}: {} instead of {}", k, i, got.outputs[k][i], values[i]);
  }
  return "";
}

TEST(WriteTflite, RandomGraphsComputeTheSame) {
  int written_graphs = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Rng rng(seed, 31);
    RandomGraphOptions options;
    options.operators = 1 + static_cast<int>(seed % 4);
    const Graph graph = random_graph(rng, options);
    const WeightStore weights = random_weight_store(graph, rng);
    const auto inputs = random_inputs(graph, rng);
    try {
      ASSERT_EQ(difference_of(graph, weights, inputs), "") << "seed " << seed;
      ++written_graphs;
    } catch (const Error& e) {
      ASSERT_EQ(e.kind(), ErrorKind::unsupported) << "seed " << seed << ": " << e.what();
    }
  }
  EXPECT_GT(written_graphs, 500);
}

struct Net {
  Builder b;
  Graph graph;
  WeightStore weights;
  std::vector<Tensor> inputs;

  void finish(ValueId out) {
    b.output(out, "y");
    graph = b.finish();
    Rng rng(5);
    weights = random_weight_store(graph, rng);
    inputs = random_inputs(graph, rng);
  }
};

kind::Convolve by(std::int64_t stride, std::int64_t low, std::int64_t high,
                  std::int64_t groups = 1) {
  return {{stride, stride}, {low, low}, {high, high}, {1, 1}, groups, false};
}

TEST(WriteTflite, AConvolutionTakesItsBiasOver) {
  Net net;
  const ValueId x = net.b.input("x", {DType::f32, {2, 3, 9, 8}}),
                w = net.b.weight("w", {DType::f32, {6, 3, 3, 3}}),
                bias = net.b.weight("bias", {DType::f32, {6, 1, 1}});
  const ValueId y = net.b.convolve(x, w, by(1, 1, 1));
  net.finish(net.b.map(maximum(argument(0) + argument(1), constant(0)), {y, bias}));
  EXPECT_EQ(difference_of(net.graph, net.weights, net.inputs), "");
  EXPECT_EQ(written(net.graph, net.weights, net.inputs).codes,
            (std::vector<Code>{Code::convolve, Code::relu}));
}

// Who else reads the convolution wants it without the bias.
TEST(WriteTflite, AConvolutionReadTwiceKeepsItsOwnResult) {
  for (const bool shown : {false, true}) {
    Net net;
    const ValueId x = net.b.input("x", {DType::f32, {1, 4, 5, 5}}),
                  w = net.b.weight("w", {DType::f32, {4, 4, 1, 1}}),
                  bias = net.b.weight("bias", {DType::f32, {4, 1, 1}});
    const ValueId y = net.b.convolve(x, w, by(1, 0, 0));
    if (shown) net.b.output(y, "before");
    net.finish(net.b.map((argument(0) + argument(1)) * argument(0), {y, bias}));
    EXPECT_EQ(difference_of(net.graph, net.weights, net.inputs), "") << shown;
  }
}

TEST(WriteTflite, EveryPaddingOfConvolutionsAndPools) {
  for (const std::int64_t side : {7, 8})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t low : {0, 1, 2})
        for (const std::int64_t high : {0, 1})
          for (const std::int64_t groups : {1, 2, 4}) {
            Net net;
            const ValueId x = net.b.input("x", {DType::f32, {1, 4, side, side}}),
                          w = net.b.weight("w", {DType::f32, {8, 4 / groups, 3, 3}});
            const ValueId y = net.b.convolve(x, w, by(stride, low, high, groups));
            kind::Pool pool{kind::PoolFn::max, {3, 3},       {stride, stride},
                            {low, low},        {high, high}, {1, 1}};
            const ValueId most = net.b.pool(x, pool);
            pool.fn = kind::PoolFn::mean;
            const ValueId mean = net.b.pool(x, pool);
            pool.divide_by_valid = true;
            net.b.output(net.b.pool(x, pool));
            net.b.output(most);
            net.b.output(mean);
            net.finish(y);
            EXPECT_EQ(difference_of(net.graph, net.weights, net.inputs), "")
                << side << " " << stride << " " << low << " " << high << " " << groups;
          }
}

// Attention over pixels, as vision transformers have it: heads are cut from channels.
TEST(WriteTflite, AttentionOverPixels) {
  Net net;
  const ValueId x = net.b.input("x", {DType::f32, {2, 8, 4, 3}});
  const ValueId q = net.b.reshape(x, {2, 2, 4, 12});
  const ValueId scores = net.b.einsum("bhdn,bhdm->bhnm", {q, q});
  const ValueId mixed = net.b.einsum("bhnm,bhdm->bhdn", {net.b.softmax(scores, 3), q});
  net.finish(net.b.reshape(mixed, {2, 8, 4, 3}));
  EXPECT_EQ(difference_of(net.graph, net.weights, net.inputs), "");
}

TEST(WriteTflite, AnInputThatIsAnOutputIsATensorOfItsOwn) {
  Net net;
  const ValueId x = net.b.input("x", {DType::f32, {1, 2, 3, 4}});
  net.b.output(x, "same");
  net.b.output(x, "again");
  net.finish(net.b.map(argument(0) + constant(1), {x}));
  EXPECT_EQ(difference_of(net.graph, net.weights, net.inputs), "");
}

void expect_refused(ValueId (*make)(Builder&), const std::string& what) {
  Builder b;
  b.output(make(b));
  const Graph graph = b.finish();
  try {
    write_tflite(graph, {});
    ADD_FAILURE() << "accepted: " << what;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::unsupported);
    EXPECT_EQ(e.place(), "odd");
    EXPECT_NE(e.problem().find(what), std::string::npos) << e.problem();
  }
}

TEST(WriteTflite, WhatTheFormatLacksIsRefusedByName) {
  expect_refused(
      [](Builder& b) {
        return b.map(apply(Fn::erf, {argument(0)}), {b.input("x", {DType::f32, {3}})}, {}, "odd");
      },
      "function erf");
  expect_refused(
      [](Builder& b) {
        return b.einsum("ii->i", {b.input("x", {DType::f32, {3, 3}})}, "odd");
      },
      "diagonal");
  expect_refused(
      [](Builder& b) {
        return b.window(b.input("x", {DType::f32, {9}}), {{0}, {3}, {1}, {1}}, "odd");
      },
      "window");
  expect_refused(
      [](Builder& b) {
        return b.map(argument(0) + argument(0), {b.input("x", {DType::i32, {9}})}, {}, "odd");
      },
      "integers");
}

}  // namespace
}  // namespace pliant::tflite
