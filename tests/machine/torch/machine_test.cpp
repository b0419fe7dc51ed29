// What the house test's random graphs do not reach: every type, every function, errors.
#include "machine/torch/torch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "errors.h"
#include "graph/builder.h"
#include "graph/reference/reference.h"
#include "machine/run_once.h"
#include "machine/torch/one_thread.h"

namespace pliant::aten {
namespace {

std::vector<Tensor> run(const Graph& graph, const std::vector<TensorView>& inputs,
                        const WeightStore& weights = {}) {
  Machine machine(one_thread());
  ThreadPool pool(1);
  return run_once(machine, std::make_shared<const Graph>(graph),
                  std::make_shared<const WeightStore>(weights), inputs, pool);
}

template <typename Action>
void expect_error(ErrorKind kind, std::string_view place, Action&& action) {
  const Error error = thrown_by(action);
  EXPECT_EQ(error.kind(), kind) << error.what();
  EXPECT_EQ(error.place(), place) << error.what();
}

void expect_as_reference(const Graph& graph, const std::vector<TensorView>& inputs,
                         double tolerance, const std::string& what) {
  ThreadPool pool(1);
  const auto found = run(graph, inputs), wanted = evaluate(graph, {}, inputs, pool);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    for (std::int64_t k = 0; k < elements(wanted[i].type().shape); ++k) {
      const double a = get(found[i].view(), k), b = get(wanted[i].view(), k);
      if (std::isnan(a) && std::isnan(b)) continue;
      EXPECT_TRUE(a == b || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)))
          << what << ", element " << k << ": " << a << " instead of " << b;
    }
}

constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<double> odd_values{0,    -0.0, 0.5,      1.5,       -2.5,
                                     3.25, 1e4,  infinity, -infinity, std::nan("")};

TEST(TorchMap, EveryFunctionOnOddValues) {
  const Tensor x = Tensor::of(DType::f32, {10, 1}, odd_values),
               y = Tensor::of(DType::f32, {10}, odd_values);
#define PLIANT_EACH(name, arity) Fn::name,
  for (const Fn fn : {PLIANT_EXPR_FUNCTIONS(PLIANT_EACH)}) {
#undef PLIANT_EACH
    if (arity(fn) == 0) continue;
    Builder b;
    const ValueId p = b.input("x", {DType::f32, {10, 1}}), q = b.input("y", {DType::f32, {10}});
    std::vector<Expr> operands{argument(0), argument(1), argument(0) * constant(2)};
    operands.resize(static_cast<std::size_t>(arity(fn)), argument(0));
    b.output(b.map(pliant::apply(fn, operands) + constant(0) * constant(1), {p, q}));
    expect_as_reference(b.finish(), {x.view(), y.view()}, 2e-6, std::string(name(fn)));
  }
}

TEST(TorchMap, CastsBetweenAllTypesRoundAndSaturate) {
  const std::vector<double> values{0, 1, 2.5, 3.5, -1.5, 127.5, 255.5, -300, 7e4, 5e9, 1e19, 3e19};
  for (int from = 0; from < dtype_count; ++from)
    for (int to = 0; to < dtype_count; ++to) {
      const auto source = static_cast<DType>(from), target = static_cast<DType>(to);
      Builder b;
      b.output(b.cast(b.input("x", {source, {12}}), target));
      expect_as_reference(b.finish(), {Tensor::of(source, {12}, values).view()}, 1e-7,
                          std::string(name(source)) + " to " + std::string(name(target)));
    }
}

TEST(TorchMove, KeepsTheBitsOfEveryType) {
  const std::vector<double> values{0, 1, 2, 200, 40000, 3e9};
  for (int each = 0; each < dtype_count; ++each) {
    const auto dtype = static_cast<DType>(each);
    Builder b;
    const ValueId x = b.input("x", {dtype, {2, 3}});
    b.output(b.slice(x, {{1, 2}, {2, 2}, {-1, -2}}));
    b.output(b.concat({x, x}, 1));
    b.output(b.pad(x, {{1, -1}, {0, 2}, {2, 1}, kind::PadMode::constant, 1}));
    b.output(b.pad(x, {{1, 2}, {1, 1}, {}, kind::PadMode::reflect, 0}));
    b.output(b.transpose(x, {1, 0}));
    expect_as_reference(b.finish(), {Tensor::of(dtype, {2, 3}, values).view()}, 0,
                        std::string(name(dtype)));
  }
}

TEST(TorchReduce, EveryFunctionOfOddValuesAndIntegers) {
  for (int fn = 0; fn < 7; ++fn)
    for (const DType dtype : {DType::f32, DType::i32, DType::bf16}) {
      const bool real = fn == static_cast<int>(kind::ReduceFn::mean) ||
                        fn == static_cast<int>(kind::ReduceFn::logsumexp);
      if (real && dtype == DType::i32) continue;
      Builder b;
      const ValueId x = b.input("x", {dtype, {5, 2}});
      for (const int axis : {0, 1})
        b.output(b.reduce(static_cast<kind::ReduceFn>(fn), x, {axis}, axis == 1));
      expect_as_reference(b.finish(), {Tensor::of(dtype, {5, 2}, odd_values).view()}, 1e-6,
                          std::to_string(fn) + std::string(name(dtype)));
    }
}

TEST(TorchEinsum, DiagonalsManyOperandsAndIntegers) {
  const Tensor a = Tensor::of(DType::f32, {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
               n = Tensor::of(DType::i32, {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  Builder b;
  const ValueId x = b.input("a", a.type()), k = b.input("n", n.type());
  for (const char* notation : {"ii->i", "ii->", "ij->ji", "ij->j"})
    for (const ValueId each : {x, k}) b.output(b.einsum(notation, {each}));
  b.output(b.einsum("ij,jk,ik->i", {x, x, x}));
  b.output(b.einsum("ij,jk,kl,ii->il", {x, x, x, x}));
  b.output(b.einsum("ij,jk->ki", {k, k}));
  expect_as_reference(b.finish(), {a.view(), n.view()}, 1e-6, "einsum");
}

TEST(TorchMachine, NamesTheOperatorThatItRefuses) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 1, 3, 3, 3, 3}}),
                w = b.weight("w", {DType::f32, {1, 1, 1, 1, 1, 1}});
  b.output(b.convolve(x, w, {}, "wide"));
  const auto graph = std::make_shared<const Graph>(b.finish());
  Machine machine(one_thread());
  const auto refusals = machine.refuses(*graph);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].reason, "4 spatial axes; the most is 3");
  auto weights = std::make_shared<WeightStore>();
  weights->add("w", Tensor({DType::f32, {1, 1, 1, 1, 1, 1}}));
  expect_error(ErrorKind::unsupported, "wide", [&] { machine.prepare(graph, weights); });
  expect_error(ErrorKind::not_found, "weight w",
               [&] { machine.prepare(graph, std::make_shared<WeightStore>()); });
}

TEST(TorchMachine, SaysWhichIndexIsOutOfRange) {
  Builder b;
  const ValueId table = b.input("x", {DType::f32, {4, 2}}),
                wanted = b.input("i", {DType::i32, {3}});
  b.output(b.gather(table, wanted, 0, 0, "look"));
  const Graph graph = b.finish();
  const Tensor x({DType::f32, {4, 2}});
  for (const double wrong : {4.0, -1.0}) {
    const Tensor index = Tensor::of(DType::i32, {3}, {0, wrong, 1});
    expect_error(ErrorKind::invalid, "look", [&] { run(graph, {x.view(), index.view()}); });
  }
}

TEST(TorchMachine, RefusesBindingsOfOtherTypes) {
  Builder b;
  b.output(b.map(argument(0), {b.input("x", {DType::f32, {2}})}));
  const Graph graph = b.finish();
  const Tensor wrong({DType::i32, {2}});
  expect_error(ErrorKind::invalid, "input x", [&] { run(graph, {wrong.view()}); });
  expect_error(ErrorKind::invalid, "inputs", [&] { run(graph, {}); });
}

TEST(TorchOptions, AreChecked) {
  Options options;
  options.device = "gpu";
  expect_error(ErrorKind::usage, "device", [&] { Machine machine(options); });
  options.device = "cuda:1";
  options.threads = -1;
  expect_error(ErrorKind::usage, "threads", [&] { check(options); });
}

}  // namespace
}  // namespace pliant::aten
