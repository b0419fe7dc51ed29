// Graphs with encrypted inputs, every kind of operator that is accepted, beside the reference
// evaluator.
#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/graph/compare.h"

namespace pliant::encrypted {
namespace {

TensorType f32(Shape shape) { return {DType::f32, std::move(shape)}; }

TEST(EncryptedGraph, AddsAndMultiplies) {
  Builder b;
  const ValueId x = b.input("x", f32({3, 5})), y = b.input("y", f32({5})),
                w = b.weight("w", f32({3, 1}));
  const Expr one = argument(0), two = argument(1);
  b.output(b.map(one * two + constant(.5) * one - two, {x, y}), "o1");
  b.output(b.map(constant(1) - one * two / (two + constant(3)), {x, w}), "o2");
  b.output(b.map(apply(Fn::negate, {one * one * one}), {x}), "o3");
  const Graph graph = b.finish();
  expect_exact(graph, {"x", "y"});
  expect_exact(graph, {"x"});
  expect_exact(graph, {"x", "y"}, {.slots = 8});
}

TEST(EncryptedGraph, TakesScalarsAndSingleElements) {
  Builder b;
  const ValueId x = b.input("x", f32({})), y = b.input("y", f32({1, 1}));
  const ValueId sum = b.map(argument(0) * argument(1) + argument(0), {x, y});
  b.output(b.einsum("ij,->ji", {sum, x}), "o");
  b.output(x, "same");
  Builder c;
  const ValueId one = c.input("one", f32({}));
  c.output(c.map(argument(0) * argument(0), {one}), "square");
  c.output(one, "same");
  expect_exact(c.finish(), {"one"}, {.slots = 1});
  expect_exact(b.finish(), {"x", "y"}, {.slots = 2});
}

TEST(EncryptedGraph, Contracts) {
  Builder b;
  const ValueId x = b.input("x", f32({3, 5})), w = b.weight("w", f32({4, 5})),
                v = b.weight("v", f32({2, 4}));
  const ValueId h = b.einsum("bi,oi->bo", {x, w});
  b.output(b.einsum("bi,oi->bo", {b.map(argument(0) * argument(0), {h}), v}), "o");
  b.output(b.einsum("ij,kj->ik", {x, x}), "gram");
  b.output(b.reduce(kind::ReduceFn::sum, x, {0}), "sum");
  b.output(b.reduce(kind::ReduceFn::mean, x, {1}, true), "mean");
  const Graph graph = b.finish();
  expect_exact(graph, {"x"});
  expect_exact(graph, {"x"}, {.slots = 16});
}

Graph attention_scores(bool apart) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 16}});
  std::vector<ValueId> of;
  for (const char* name : {"q", "k", "v"})
    of.push_back(b.einsum("sd,de->se", {x, b.weight(name, {DType::f32, {16, 16}})}));
  if (apart) of[0] = b.map(argument(0) * constant(.25), {of[0]});
  const ValueId scores = b.einsum("se,te->st", {of[0], of[1]});
  b.output(b.einsum("st,te->se", {scores, of[2]}), "o");
  return b.finish();
}

// A result that is scaled keeps plaintexts of its own, which take the factor: no level more.
TEST(EncryptedGraph, PlansProjectionsOfOneValueTogether) {
  std::int64_t levels[2];
  for (const bool apart : {false, true}) {
    const Graph graph = attention_scores(apart);
    const GraphOptions options{.slots = 128};
    expect_exact(graph, {"x"}, options);
    const einsum::Plan plan = encrypted::plan(graph, {"x"}, {}, options).plan;
    levels[apart] = plan.levels();
    const auto first =
        std::ranges::find_if(plan.program.steps, [](const einsum::ProgramStep& step) {
          return std::holds_alternative<einsum::Transform>(step.action);
        });
    ASSERT_NE(first, plan.program.steps.end());
    EXPECT_EQ(first->out.size(), apart ? 3u : 2u) << explain(plan);
  }
  EXPECT_EQ(levels[0], levels[1]);
}

TEST(EncryptedGraph, MovesElements) {
  Builder b;
  const ValueId x = b.input("x", f32({4, 6})), y = b.input("y", f32({4, 2}));
  b.output(b.reshape(x, {2, 12}), "reshaped");
  b.output(b.reshape(x, {3, 8}), "across");
  b.output(b.transpose(x, {1, 0}), "transposed");
  b.output(b.slice(x, 1, 2, 3), "sliced");
  b.output(b.slice(x, {{3, 0}, {2, 3}, {-2, 2}}), "strided");
  b.output(b.concat({x, y}, 1), "joined");
  b.output(b.pad(x, {{1, 0}, {0, 2}, {0, 1}}), "padded");
  b.output(b.map(argument(0) * argument(0), {b.concat({y, b.slice(x, 1, 0, 2)}, 0)}), "squares");
  const Graph graph = b.finish();
  expect_exact(graph, {"x", "y"});
  expect_exact(graph, {"x", "y"}, {.slots = 8});
}

TEST(EncryptedGraph, Convolves) {
  for (const std::int64_t stride : {1, 2}) {
    Builder b;
    const ValueId x = b.input("x", f32({1, 2, 7, 6})), w = b.weight("w", f32({3, 2, 3, 3}));
    kind::Convolve convolve;
    convolve.stride = {stride, stride};
    convolve.low = convolve.high = {1, 1};
    const ValueId c = b.convolve(x, w, convolve);
    kind::Pool pool{.fn = kind::PoolFn::mean,
                    .size = {2, 2},
                    .stride = {2, 2},
                    .low = {},
                    .high = {},
                    .dilation = {}};
    b.output(b.pool(c, pool), "o");
    b.output(c, "c");
    const Graph graph = b.finish();
    expect_exact(graph, {"x"});
    const GraphPlan planned = plan(graph, {"x"}, {}, {.slots = 256});
    EXPECT_LE(planned.plan.levels(), 3);
  }
}

// nchwyx,ocyx->nohw, whichever of picture and kernel is secret.
TEST(EncryptedGraph, ConvolvesWithEncryptedKernels) {
  Builder b;
  const ValueId x = b.input("x", f32({1, 2, 5, 4})), w = b.input("w", f32({2, 2, 3, 3}));
  kind::Convolve convolve;
  convolve.stride = {2, 1};
  convolve.low = convolve.high = {1, 1};
  b.output(b.convolve(x, w, convolve), "o");
  const Graph graph = b.finish();
  for (const std::set<std::string>& secret :
       {std::set<std::string>{"x"}, std::set<std::string>{"w"}, std::set<std::string>{"x", "w"}}) {
    expect_exact(graph, secret, {.slots = 512});
    expect_exact(graph, secret, {.slots = 32, .most_ciphertexts = 4096});
  }
}

TEST(EncryptedGraph, ApproximatesFunctions) {
  for (const Fn fn : {Fn::gelu, Fn::silu, Fn::tanh, Fn::exp, Fn::sigmoid, Fn::gelu_tanh}) {
    Builder b;
    const ValueId x = b.input("x", f32({3, 5}));
    b.output(b.map(apply(fn, {argument(0)}), {x}), "o");
    const Graph graph = b.finish();
    const Ranges ranges{{"x", {-3, 2}}};
    const GraphPlan planned = plan(graph, {"x"}, ranges, {.slots = 32});
    einsum::Simulator simulator({.slots = 32, .levels = planned.plan.levels()});
    const Compared compared = compare(planned, graph, sample(graph, 2), simulator);
    EXPECT_LE(compared.difference, compared.bound) << name(fn);
    EXPECT_LE(planned.approximation, 1e-3) << name(fn);
    EXPECT_GT(planned.approximation, 0) << name(fn);
  }
}

// The zeros around a picture of [2, 3] were beyond the interval of the polynomial that followed.
TEST(EncryptedGraph, PaddingWidensRanges) {
  Builder b;
  const ValueId x = b.input("x", f32({3}));
  b.output(b.map(apply(Fn::exp, {argument(0)}), {b.pad(x, {{1}, {1}, {0}})}), "o");
  const Graph graph = b.finish();
  const GraphPlan planned = plan(graph, {"x"}, {{"x", {2, 3}}}, {.slots = 8});
  einsum::Simulator simulator({.slots = 8, .levels = planned.plan.levels()});
  Sample drawn = sample(graph, 1);
  for (float& element : drawn.inputs[0].span<float>()) element = 2.5F;
  const Compared compared = compare(planned, graph, drawn, simulator);
  EXPECT_LE(compared.difference, compared.bound);
}

// Two layers and what is between them.
Graph perceptron(Fn fn) {
  Builder b;
  const ValueId x = b.input("x", f32({6})), w = b.weight("w", f32({5, 6})),
                c = b.weight("c", f32({5})), v = b.weight("v", f32({3, 5}));
  const ValueId h = b.map(argument(0) + argument(1), {b.einsum("oi,i->o", {w, x}), c}, {}, "h");
  b.output(b.einsum("oi,i->o", {v, b.map(apply(fn, {argument(0)}), {h})}, "o"));
  return b.finish();
}

Ranges observed(const Graph& graph, double margin) {
  ThreadPool pool(1);
  const Sample drawn = sample(graph, 3);
  const std::vector<std::vector<TensorView>> runs{drawn.views};
  return observe_ranges(graph, drawn.weights, runs, margin, pool);
}

TEST(EncryptedGraph, ObservesRanges) {
  const Graph graph = perceptron(Fn::silu);
  const Ranges exact = observed(graph, 0), wide = observed(graph, .5);
  EXPECT_EQ(exact.size(), graph.values().size());
  EXPECT_EQ(exact.at("w"), wide.at("w"));
  const Interval narrow = exact.at("h");
  EXPECT_NEAR(wide.at("h").low, narrow.low - narrow.width() / 4, 1e-12);
  EXPECT_NEAR(wide.at("h").high, narrow.high + narrow.width() / 4, 1e-12);
}

TEST(EncryptedGraph, GainsTightenBoundsAndAreChecked) {
  const Graph graph = perceptron(Fn::tanh);
  ThreadPool pool(1);
  Sample drawn = sample(graph, 3);
  const Gains gains = observe_gains(graph, drawn.weights, {"x"}, pool);
  ASSERT_EQ(gains.size(), 2u);
  double most = 0;  // sum of |weights| in a row of v
  const Tensor v = decode(drawn.weights.at("v"));
  for (std::int64_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::int64_t i = 0; i < 5; ++i) sum += std::abs(get(v.view(), row * 5 + i));
    most = std::max(most, sum);
  }
  EXPECT_NEAR(gains.at("o"), most, 1e-4);
  const GraphPlan loose = plan(graph, {"x"}, {}, {.slots = 64}),
                  tight = plan(graph, {"x"}, {}, {.slots = 64, .gains = gains});
  EXPECT_LT(tight.approximation, loose.approximation);
  einsum::Simulator simulator({.slots = 64, .levels = tight.plan.levels()});
  const Compared compared = compare(tight, graph, drawn, simulator);
  EXPECT_LE(compared.difference, compared.bound);
  Gains claimed = gains;
  claimed["o"] /= 2;
  const GraphPlan wrong = plan(graph, {"x"}, {}, {.slots = 64, .gains = claimed});
  const Error error = thrown_by([&] { run(wrong, simulator, drawn.weights, drawn.views, pool); });
  EXPECT_NE(std::string(error.what()).find("planned for"), std::string::npos) << error.what();
}

TEST(EncryptedGraph, RunsJointProjectionsOnTheEngine) {
  const Graph graph = attention_scores(false);
  const GraphPlan planned = plan(graph, {"x"}, {}, {.slots = 128});
  einsum::Engine engine({.log_n = 10, .levels = planned.plan.levels(), .insecure_for_tests = true},
                        128, {.seed_of_test = ckks::Seed{6}});
  const Compared compared = compare(planned, graph, sample(graph, 2), engine);
  EXPECT_LT(compared.difference, compared.bound + 1e-4);
}

TEST(EncryptedGraph, RunsOnTheEngine) {
  const Graph graph = perceptron(Fn::silu);
  const GraphPlan planned = plan(graph, {"x"}, observed(graph, .2), {.slots = 64});
  einsum::Engine engine({.log_n = 10, .levels = planned.plan.levels(), .insecure_for_tests = true},
                        64, {.seed_of_test = ckks::Seed{1}});
  const Compared compared = compare(planned, graph, sample(graph, 3), engine);
  EXPECT_LE(compared.difference, compared.bound);
  EXPECT_LT(compared.bound, .05);
  EXPECT_LE(planned.plan.levels(), 8);
}

}  // namespace
}  // namespace pliant::encrypted
