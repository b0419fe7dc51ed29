#include <set>

#include "graph/one_operator.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"

namespace pliant {
namespace {

using namespace oracle;

Graph small_graph() {  // y = (x * w) + c, and its sum
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2}}), w = b.weight("w", {DType::f32, {2}});
  const ValueId y = b.map(argument(0) * argument(1) + argument(2), {x, w, b.scalar(0.5)}, {}, "y");
  b.output(y);
  b.output(b.reduce(kind::ReduceFn::sum, y, {0}, false, "sum"));
  return b.finish();
}

WeightStore small_weights() {
  WeightStore store;
  store.add("w", Tensor::of(DType::f32, {2}, {10, 20}));
  return store;
}

TEST(ReferenceGraph, GivesOutputsInOrder) {
  ThreadPool pool(1);
  const auto out = evaluate(small_graph(), small_weights(),
                            views(list(Tensor::of(DType::f32, {2}, {1, 2}))), pool);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(values(out[0]), (std::vector<double>{10.5, 40.5}));
  EXPECT_EQ(values(out[1]), (std::vector<double>{51}));
}

TEST(ReferenceGraph, LeavesAndRepeatedValuesMayBeOutputs) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1}}), w = b.weight("w", {DType::f32, {1}});
  const ValueId c = b.scalar(7), y = b.map(argument(0), {x}, {}, "y");
  b.output(x, "one");
  b.output(w, "two");
  b.output(c, "three");
  b.output(y, "four");
  b.output(y, "five");
  WeightStore weights;
  weights.add("w", Tensor::of(DType::f32, {1}, {2}));
  ThreadPool pool(1);
  const auto out =
      evaluate(b.finish(), weights, views(list(Tensor::of(DType::f32, {1}, {1}))), pool);
  std::vector<double> all;
  for (const Tensor& each : out) all.push_back(values(each)[0]);
  EXPECT_EQ(all, (std::vector<double>{1, 2, 7, 1, 1}));
}

TEST(ReferenceGraph, RefusesWrongInputsWeightsAndRows) {
  ThreadPool pool(1);
  const Graph graph = small_graph();
  const auto kind_with = [&](const WeightStore& weights, const std::vector<Tensor>& inputs,
                             std::int64_t rows = 0) {
    return thrown_by([&] { evaluate(graph, weights, views(inputs), pool, {rows, {}}); }).kind();
  };
  const auto x = [] { return Tensor::of(DType::f32, {2}, {1, 2}); };
  EXPECT_EQ(kind_with(small_weights(), {}), ErrorKind::invalid);
  EXPECT_EQ(kind_with(small_weights(), list(x(), x())), ErrorKind::invalid);
  EXPECT_EQ(kind_with(small_weights(), list(Tensor::of(DType::f32, {3}, {1, 2, 3}))),
            ErrorKind::invalid);
  EXPECT_EQ(kind_with(small_weights(), list(Tensor::of(DType::f64, {2}, {1, 2}))),
            ErrorKind::invalid);
  EXPECT_EQ(kind_with({}, list(x())), ErrorKind::not_found);
  WeightStore wrong;
  wrong.add("w", Tensor::of(DType::f32, {1, 2}, {10, 20}));
  EXPECT_EQ(kind_with(wrong, list(x())), ErrorKind::invalid);
  EXPECT_EQ(kind_with(small_weights(), list(x()), 1), ErrorKind::invalid);
}

TEST(ReferenceGraph, ShowsEveryValueOnce) {
  ThreadPool pool(1);
  const Graph graph = small_graph();
  std::vector<std::string> seen;
  const auto observe = [&](ValueId id, const TensorView& view) {
    EXPECT_EQ(view.type, graph.value(id).type);
    seen.push_back(graph.value(id).name);
  };
  evaluate(graph, small_weights(), views(list(Tensor::of(DType::f32, {2}, {1, 2}))), pool,
           {0, observe});
  EXPECT_EQ(seen, (std::vector<std::string>{"y", "sum"}));
}

TEST(ReferenceGraph, FreesValuesAfterTheirLastUse) {
#ifdef PLIANT_SANITIZED
  GTEST_SKIP() << "the address sanitizer keeps freed memory in quarantine";
#endif
  Builder b;
  ValueId x = b.input("x", {DType::f32, {256}});
  for (int i = 0; i < 20; ++i) x = b.map(argument(0) + constant(1), {x});
  b.output(x);
  const Graph graph = b.finish();
  ThreadPool pool(1);
  std::set<const std::byte*> addresses;  // a freed tensor's memory is handed out again
  const auto observe = [&](ValueId, const TensorView& view) { addresses.insert(view.data); };
  const auto out =
      evaluate(graph, {}, views(list(Tensor(TensorType{DType::f32, {256}}))), pool, {0, observe});
  EXPECT_EQ(get(out[0].view(), 255), 20);
  EXPECT_LT(addresses.size(), 20u);
}

TEST(ReferenceGraph, RunningShortGivesTheFirstRows) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed);
    const Graph graph = random_graph(rng, {.rows = 6});
    const WeightStore weights = random_weights(graph, seed);
    const std::int64_t rows = rng.between(1, 5);
    const auto full = random_inputs(graph, rng);
    std::vector<Tensor> cut;
    for (std::size_t i = 0; i < full.size(); ++i) {
      const Value& value = graph.value(graph.inputs()[i]);
      TensorType type = value.type;
      if (value.rows) type.shape[0] = rows;
      Tensor& first = cut.emplace_back(type);
      std::ranges::copy(full[i].raw().first(first.raw().size()), first.view().data);
      if (value.name == "seq")  // the other rows are padding, so that nobody sees them
        for (std::int64_t row = rows; row < 6; ++row) set_int(full[i].view(), row, -1);
    }
    const auto whole = evaluate(graph, weights, views(full), pool);
    const auto part = evaluate(graph, weights, views(cut), pool, {rows, {}});
    for (std::size_t i = 0; i < part.size(); ++i) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " output " + graph.output_names()[i]);
      if (graph.value(graph.outputs()[i]).rows) {
        EXPECT_EQ(part[i].type().shape[0], rows);
      }
      ASSERT_TRUE(std::ranges::equal(part[i].raw(), whole[i].raw().first(part[i].raw().size())));
    }
  }
}

TEST(ReferenceGraph, ThreadsDoNotChangeABit) {
  ThreadPool one(1), three(3);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const Graph graph = random_graph(rng);
    const WeightStore weights = random_weights(graph, seed);
    const auto inputs = random_inputs(graph, rng);
    const auto a = evaluate(graph, weights, views(inputs), one),
               b = evaluate(graph, weights, views(inputs), three);
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_TRUE(std::ranges::equal(a[i].raw(), b[i].raw())) << seed;
  }
}

}  // namespace
}  // namespace pliant
