// What a graph cannot do on encrypted values is refused by name, before anything runs.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "errors.h"
#include "machine/encrypted/graph/chebyshev.h"
#include "machine/encrypted/graph/compare.h"

namespace pliant::encrypted {
namespace {

const GraphOptions kSmall{.slots = 32};

void expect_refused(const std::function<ValueId(Builder&, ValueId)>& build, ErrorKind kind,
                    const std::vector<std::string>& parts, const Ranges& ranges = {},
                    GraphOptions options = kSmall) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 3}});
  b.output(build(b, x), "o");
  const Graph graph = b.finish();
  const Error error = thrown_by([&] { plan(graph, {"x"}, ranges, options); });
  EXPECT_EQ(error.kind(), kind) << error.what();
  for (const std::string& part : parts)
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

TEST(RefusedGraph, OfKinds) {
  const auto unsupported = ErrorKind::unsupported;
  expect_refused([](Builder& b, ValueId x) { return b.softmax(x, 1); }, unsupported,
                 {"operator softmax", "reduce max", "accepted are einsum"});
  expect_refused(
      [](Builder& b, ValueId x) { return b.reduce(kind::ReduceFn::argmax, x, {0}, false, "top"); },
      unsupported, {"operator top", "reduce argmax of encrypted values"});
  expect_refused(
      [](Builder& b, ValueId x) {
        return b.gather(x, b.input("i", {DType::i32, {2}}), 0, 0, "look");
      },
      unsupported, {"operator look", "gather"});
  expect_refused(
      [](Builder& b, ValueId x) {
        return b.pad(x, {{1, 0}, {0, 0}, {0, 0}, kind::PadMode::constant, 7}, "p");
      },
      unsupported, {"operator p", "pad with 7"});
  expect_refused(
      [](Builder& b, ValueId x) {
        return b.concat({x, b.weight("w", {DType::f32, {2, 3}})}, 0, "c");
      },
      unsupported, {"operator c", "concat of encrypted and plain"});
  expect_refused([](Builder& b, ValueId x) { return b.cast(x, DType::i32, "rounded"); },
                 unsupported, {"operator rounded", "i32"});
  expect_refused(
      [](Builder& b, ValueId x) {
        return b.map(maximum(argument(0), argument(1)), {x, b.weight("w", {DType::f32, {3}})}, {},
                     "m");
      },
      unsupported, {"operator m", "maximum of more than one tensor"});
}

TEST(RefusedGraph, OfFunctionsAndRanges) {
  const auto map = [](Fn fn) {
    return [fn](Builder& b, ValueId x) { return b.map(apply(fn, {argument(0)}), {x}, {}, "f"); };
  };
  expect_refused(map(Fn::log), ErrorKind::invalid, {"operator f", "within the range [-1, 1]"});
  expect_refused(map(Fn::sign), ErrorKind::unsupported, {"degree 255 leaves an error of"});
  expect_refused(map(Fn::exp), ErrorKind::not_found, {"no value y"}, {{"y", {0, 1}}});
  expect_refused(map(Fn::exp), ErrorKind::invalid, {"range of x"}, {{"x", {1, 0}}});
  expect_refused(map(Fn::exp), ErrorKind::invalid, {"range of x"}, {{"x", {NAN, 0}}});
  expect_refused(map(Fn::exp), ErrorKind::capacity, {"levels, this parameter set has 1"}, {},
                 {.slots = 32, .levels = 1});
}

// The grid of the interval misses the node of degree 1 by more than that.
TEST(RefusedGraph, OfFunctionsThatAreNoNumberAtANode) {
  const RealFunction gap{[](double x) { return std::abs(x - std::sqrt(.5)) < 1e-5 ? NAN : x; },
                         [](const Interval& x) { return x; }};
  const Error error = thrown_by([&] { interpolate(gap, {-1, 1}, .1, 255, "operator f"); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(std::string(error.what()).find("is nan at 0.707"), std::string::npos) << error.what();
}

// A Gaussian of width 1e-6 is zero at every point of a grid of thousands.
TEST(RefusedGraph, OfASpikeBetweenThePointsOfTheGrid) {
  const auto spike = [](double scale, double height) {
    return [=](Builder& b, ValueId x) {
      const Expr far = (argument(0) - constant(.1234567)) * constant(scale);
      const Expr bell = apply(Fn::exp, {apply(Fn::negate, {far * far})});
      return b.map(apply(Fn::tanh, {argument(0)}) + constant(height) * bell, {x}, {}, "s");
    };
  };
  expect_refused(spike(1e6, 1), ErrorKind::unsupported, {"operator s", "leaves an error of"});
  expect_refused(spike(1e9, .5), ErrorKind::unsupported, {"operator s", "leaves an error of"});
}

TEST(RefusedGraph, OfPolesBetweenThePointsOfTheGrid) {
  const auto function = [](const Expr& of) {
    return [=](Builder& b, ValueId x) { return b.map(of, {x}, {}, "p"); };
  };
  const Expr x = argument(0), from = x - constant(.1234567);
  expect_refused(function(apply(Fn::log, {from * from})), ErrorKind::invalid,
                 {"operator p", "is -inf at 0.1234567"});
  expect_refused(function(apply(Fn::sqrt, {x - x})), ErrorKind::invalid,
                 {"operator p", "may have a pole, or be no number, near"});
}

// What jumps at too many places to look at all of them counts as error.
TEST(RefusedGraph, OfFunctionsTooWildToBeSeen) {
  expect_refused(
      [](Builder& b, ValueId x) {
        return b.map(apply(Fn::sin, {constant(1e6) * argument(0)}), {x}, {}, "w");
      },
      ErrorKind::unsupported, {"operator w", "leaves an error of"});
}

TEST(RefusedGraph, OfInputsAndOutputs) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2}}), y = b.input("y", {DType::f32, {2}});
  b.input("n", {DType::i32, {2}});
  b.output(b.map(argument(0) + argument(1), {x, y}), "sum");
  b.output(b.map(argument(0) * argument(0), {y}), "square");
  const Graph graph = b.finish();
  const auto says = [&](const std::set<std::string>& secret, ErrorKind kind, const char* part) {
    const Error error = thrown_by([&] { plan(graph, secret, {}, kSmall); });
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  };
  says({"z"}, ErrorKind::not_found, "no input z");
  says({"x"}, ErrorKind::unsupported, "output square: does not depend");
  says({"x", "y", "n"}, ErrorKind::unsupported, "input n: has type i32[2]");
  const Sample drawn = sample(graph, 1);
  const GraphPlan planned = plan(graph, {"y"}, {{"y", {-.25, .25}}}, kSmall);
  einsum::Simulator simulator({.slots = 32, .levels = planned.plan.levels()});
  ThreadPool pool(1);
  const Error error = thrown_by([&] { run(planned, simulator, drawn.weights, drawn.views, pool); });
  EXPECT_NE(std::string(error.what()).find("planned for at most 0.25"), std::string::npos);
}

TEST(RefusedGraph, OfOptions) {
  const auto negated = [](Builder& b, ValueId x) {
    return b.map(apply(Fn::negate, {argument(0)}), {x});
  };
  for (const std::int64_t slots :
       {std::int64_t{0}, std::int64_t{-4}, std::int64_t{48}, std::int64_t{1} << 40})
    expect_refused(negated, ErrorKind::usage, {"is not a power of two"}, {}, {.slots = slots});
  expect_refused(negated, ErrorKind::usage, {"approximation"}, {},
                 {.slots = 8, .approximation = NAN});
  expect_refused(negated, ErrorKind::usage, {"degree"}, {}, {.slots = 8, .most_degree = 1 << 20});
}

TEST(RefusedGraph, OfSizes) {
  const auto refused = [](const Shape& shape, const char* part) {
    Builder b;
    b.output(b.map(argument(0) + argument(0), {b.input("x", {DType::f32, shape})}), "o");
    const Graph graph = b.finish();
    const Error error = thrown_by([&] { plan(graph, {"x"}, {}, {.slots = 16}); });
    EXPECT_EQ(error.kind(), ErrorKind::capacity) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  };
  refused({1 << 20, 1 << 20}, "more than 67108864 encrypted elements");
  refused({1 << 15}, "input x: f32[32768] takes 2048 ciphertexts of 16 slots, more than 1024");
}

TEST(RefusedGraph, OfElementsInTheClear) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {16}});
  const auto product = [&](const char* name) {
    return b.einsum("a,ab->b", {x, b.weight(name, {DType::f32, {16, 1 << 22}})});
  };
  b.output(b.reduce(kind::ReduceFn::sum, product("v"), {0}), "first");
  b.output(b.reduce(kind::ReduceFn::sum, product("w"), {0}), "second");
  const Graph graph = b.finish();
  const Error error = thrown_by([&] { plan(graph, {"x"}, {}, {.slots = 1 << 15}); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_NE(std::string(error.what())
                .find("value w: f32[16,4194304]: with it more than 67108864 "
                      "elements in the clear"),
            std::string::npos)
      << error.what();
}

TEST(RefusedGraph, OfPolynomialsWithTooManyCoefficients) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1 << 20}});
  b.output(b.map(apply(Fn::sin, {argument(0)}), {x}, {}, "f"), "o");
  const Graph graph = b.finish();
  const Error error = thrown_by([&] {
    plan(graph, {"x"}, {{"x", {-150, 150}}}, {.slots = 1 << 15});
  });
  EXPECT_EQ(error.kind(), ErrorKind::capacity) << error.what();
  EXPECT_NE(std::string(error.what()).find("operator f"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("more than 134217728"), std::string::npos)
      << error.what();
}

TEST(RefusedGraph, OfNoElements) {
  expect_refused([](Builder& b, ValueId x) { return b.slice(x, 0, 1, 0, "none"); },
                 ErrorKind::unsupported, {"value none", "has no elements: f32[0,3]"});
}

TEST(RefusedGraph, TellsAllAtOnce) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 3}});
  b.output(b.reduce(kind::ReduceFn::max, x, {0}), "a");
  b.output(b.reduce(kind::ReduceFn::product, x, {0}), "b");
  const Graph graph = b.finish();
  EXPECT_EQ(refuses(graph, {"x"}).size(), 2u);
  EXPECT_TRUE(refuses(graph, {}).empty());
}

}  // namespace
}  // namespace pliant::encrypted
