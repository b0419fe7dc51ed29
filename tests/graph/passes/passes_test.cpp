#include "graph/passes/passes.h"

#include "graph/one_operator.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"

namespace pliant {
namespace {

using namespace oracle;

TEST(Fold, EvaluatesToTheSameBits) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed);
    const Graph graph = random_graph(rng, {.operators = 16});
    const WeightStore weights = random_weights(graph, seed);
    const Folded folded = fold(graph, weights, pool);
    EXPECT_LE(folded.graph.ops().size(), graph.ops().size());
    const auto inputs = random_inputs(graph, rng);
    const auto wanted = evaluate(graph, weights, views(inputs), pool);
    const auto got = evaluate(folded.graph, folded.weights, views(inputs), pool);
    EXPECT_EQ(folded.graph.output_names(), graph.output_names());
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_TRUE(std::ranges::equal(got[i].raw(), wanted[i].raw()))
          << "seed " << seed << " output " << i;
  }
}

TEST(Fold, LeavesNoOperatorWithoutInputs) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    const Graph graph = random_graph(rng);
    const Graph folded = fold(graph, random_weights(graph, seed), pool).graph;
    for (const Op& op : folded.ops())
      EXPECT_TRUE(std::ranges::any_of(op.in, [&](ValueId id) {
        return folded.value(id).role == Role::input || folded.value(id).role == Role::result;
      })) << op.name;
  }
}

// q = rows 2 and 3 of w, k = rows 4, 2 of w, s = 2 * c; result x q^T + k-sum + s
Graph selecting_graph() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 3}}), w = b.weight("w", {DType::f32, {5, 3}});
  b.weight("unused", {DType::f32, {1}});
  const ValueId q = b.slice(w, 0, 2, 2, "q");
  const ValueId k = b.gather(w, b.constant(Tensor::of(DType::i32, {2}, {4, 2})), 0, 0, "k");
  const ValueId s = b.map(argument(0) * constant(2),
                          {b.constant(Tensor::of(DType::f32, {1}, {3}), "c")}, {}, "s");
  const ValueId y = b.einsum("rd,od->ro", {x, q}, "y");
  b.output(b.map(argument(0) + argument(1) + argument(2),
                 {y, b.reduce(kind::ReduceFn::sum, k, {1}), s}, {}, "z"));
  b.output(k, "k");
  return b.finish();
}

TEST(Fold, KeepsWhatIsNeededUnderItsValueName) {
  ThreadPool pool(1);
  const Graph graph = selecting_graph();
  WeightStore weights;
  weights.add("w", counting(DType::f32, {5, 3}));
  const Folded folded = fold(graph, weights, pool);
  std::vector<std::string> names;
  folded.weights.for_each([&](const std::string& name, const Stored&) { names.push_back(name); });
  EXPECT_EQ(names, (std::vector<std::string>{"k", "q", "reduce"}));
  ASSERT_TRUE(folded.graph.find("s").has_value());
  EXPECT_EQ(folded.graph.value(*folded.graph.find("s")).role, Role::constant);
  EXPECT_EQ(values(decode(folded.weights.at("k"))), (std::vector<double>{12, 13, 14, 6, 7, 8}));
  EXPECT_FALSE(folded.graph.find("w").has_value());
}

TEST(Fold, NeighbouringRowsShareTheBytes) {
  ThreadPool pool(1);
  WeightStore weights;
  weights.add("w", counting(DType::f32, {5, 3}));
  const std::byte* whole = weights.at("w").bytes.data();
  const Folded folded = fold(selecting_graph(), weights, pool);
  weights = {};
  EXPECT_EQ(folded.weights.at("q").bytes.data(), whole + 2 * 3 * 4);
  EXPECT_EQ(values(decode(folded.weights.at("q"))), (std::vector<double>{6, 7, 8, 9, 10, 11}));
}

TEST(Fold, RefusesWeightsThatDoNotFit) {
  ThreadPool pool(1);
  EXPECT_EQ(thrown_by([&] { fold(selecting_graph(), {}, pool); }).kind(), ErrorKind::not_found);
  WeightStore wrong;
  wrong.add("w", Tensor(TensorType{DType::f32, {3, 5}}));
  EXPECT_EQ(thrown_by([&] { fold(selecting_graph(), wrong, pool); }).kind(), ErrorKind::invalid);
}

TEST(Fold, ReportsAnIndexOutOfRange) {
  Builder b;
  const ValueId w = b.weight("w", {DType::f32, {2, 2}});
  b.output(b.gather(w, b.constant(Tensor::of(DType::i32, {1}, {2})), 0, 0, "pick"));
  WeightStore weights;
  weights.add("w", Tensor(TensorType{DType::f32, {2, 2}}));
  ThreadPool pool(1);
  const Graph graph = b.finish();
  EXPECT_EQ(thrown_by([&] { fold(graph, weights, pool); }).place(), "pick");
}

TEST(Observe, AddsStatisticsOverAllAxesButTheLast) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 1, 2}});
  const ValueId y = b.map(argument(0) + constant(0), {x}, {}, "y");
  b.output(b.reduce(kind::ReduceFn::sum, y, {0, 1, 2}, false, "out"));
  const Graph graph = b.finish();
  const auto statistic = [&](Statistic wanted) {
    const Graph observed = observe(graph, {*graph.find("y")}, wanted);
    EXPECT_EQ(observed.outputs().size(), 2u);
    EXPECT_EQ(observed.output_names()[0], "out");
    auto out = run(observed, list(Tensor::of(DType::f32, {2, 1, 2}, {1, -2, -3, 4})));
    EXPECT_EQ(values(out[0]), (std::vector<double>{0}));
    return std::pair(observed.output_names()[1], values(out[1]));
  };
  using Named = std::pair<std::string, std::vector<double>>;
  EXPECT_EQ(statistic(Statistic::value), (Named{"y.value", {1, -2, -3, 4}}));
  EXPECT_EQ(statistic(Statistic::max_abs), (Named{"y.max_abs", {3, 4}}));
  EXPECT_EQ(statistic(Statistic::sum_of_squares), (Named{"y.sum_of_squares", {10, 20}}));
  EXPECT_EQ(statistic(Statistic::gram), (Named{"y.gram", {10, -14, -14, 20}}));
}

TEST(Observe, AnyValueOfAnyType) {
  Builder b;
  const ValueId x = b.input("x", {DType::i8, {3}}), w = b.weight("w", {DType::bf16, {}});
  b.output(b.map(argument(0) * argument(1), {x, w}, DType::f32, "y"));
  const Graph observed = observe(b.finish(), {x, w}, Statistic::sum_of_squares);
  WeightStore weights;
  weights.add("w", Tensor::of(DType::bf16, {}, {3}));
  ThreadPool pool(1);
  const auto out =
      evaluate(observed, weights, views(list(Tensor::of(DType::i8, {3}, {100, -100, 2}))), pool);
  EXPECT_EQ(values(out[1]), (std::vector<double>{10000, 10000, 4}));
  EXPECT_EQ(values(out[2]), (std::vector<double>{9}));
}

TEST(Observe, ValuesKeepTheRowAxisAndStatisticsLoseIt) {
  Builder b;
  const ValueId x = b.row_input("x", {DType::f32, {4, 2}});
  b.output(b.softmax(x, 1, "y"));
  const Graph graph = b.finish();
  EXPECT_EQ(observe(graph, {graph.outputs()[0]}, Statistic::value).rows(), 4);
  EXPECT_EQ(observe(graph, {graph.outputs()[0]}, Statistic::gram).rows(), 0);
}

TEST(Decompose, EvaluatesRandomGraphsAlike) {
  ThreadPool pool(2);
  for (const std::int64_t rows : {0, 5})
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      Rng rng(seed);
      const Graph graph = random_graph(rng, {.rows = rows, .integers = false});
      const WeightStore weights = random_weights(graph, seed);
      const auto inputs = random_inputs(graph, rng);
      const Graph parts = decompose(graph);
      const auto wanted = evaluate(graph, weights, views(inputs), pool);
      const auto got = evaluate(parts, weights, views(inputs), pool);
      for (std::size_t i = 0; i < got.size(); ++i) {
        SCOPED_TRACE("rows " + std::to_string(rows) + " seed " + std::to_string(seed));
        expect_close(values(got[i]), values(wanted[i]), 2e-5, 1);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
}

TEST(Decompose, RowsSurviveUnlessAttentionGoes) {
  const auto rows_of = [](const Kind& kind) {
    Builder b;
    const ValueId x = b.row_input("x", {DType::f32, {4, 2, 2}}),
                  i = b.row_input("i", {DType::i32, {4}});
    std::vector<ValueId> in{x, x, x, i, i, i};
    if (std::holds_alternative<kind::Rotary>(kind)) in = {x, i};
    b.output(b.add(kind, in)[0]);
    const Graph graph = b.finish();
    return std::pair(decompose(graph).rows(),
                     decompose(graph, [](const Op&) { return true; }).rows());
  };
  EXPECT_EQ(rows_of(kind::Rotary{2}), (std::pair<std::int64_t, std::int64_t>(4, 4)));
  EXPECT_EQ(rows_of(kind::Attention{}), (std::pair<std::int64_t, std::int64_t>(0, 4)));
}

double deviation(const WeightStore& weights, const std::string& name) {
  double sum = 0;
  const auto all = values(decode(weights.at(name)));
  for (const double each : all) sum += each * each;
  return std::sqrt(sum / static_cast<double>(all.size()));
}

TEST(RandomWeights, AreScaledByTheFanInOfTheirFirstConsumer) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 8, 4, 4}}),
                token = b.input("token", {DType::i32, {3}});
  b.output(b.convolve(x, b.weight("convolve", {DType::f32, {64, 8, 3, 3}}), {}), "a");
  b.output(
      b.convolve(x, b.weight("transposed", {DType::f32, {8, 64, 3, 3}}), {{}, {}, {}, {}, 1, true}),
      "b");
  const ValueId flat = b.reshape(x, {8, 16});
  b.output(b.einsum("rd,od->ro", {flat, b.weight("linear", {DType::f32, {100, 16}})}), "c");
  b.output(b.einsum("rd,do->ro", {flat, b.weight("linear_by_input", {DType::f32, {16, 100}})}),
           "d");
  const ValueId turned = b.transpose(b.weight("turned", {DType::f32, {16, 100}}), {1, 0});
  b.output(b.einsum("rd,od->ro", {flat, turned}), "e");
  b.output(b.gather(b.weight("table", {DType::f32, {50, 40}}), token), "f");
  b.output(b.weight("vector", {DType::f32, {500}}), "g");
  const WeightStore weights = random_weights(b.finish(), 3);
  EXPECT_NEAR(deviation(weights, "convolve"), 1 / std::sqrt(72), 0.005);
  EXPECT_NEAR(deviation(weights, "transposed"), 1 / std::sqrt(72), 0.005);
  for (const char* name : {"linear", "linear_by_input", "turned"})
    EXPECT_NEAR(deviation(weights, name), 0.25, 0.02);
  EXPECT_NEAR(deviation(weights, "table"), 1, 0.05);
  for (const double each : values(decode(weights.at("vector")))) {
    EXPECT_GE(each, 0.5);
    EXPECT_LT(each, 1.5);
  }
}

TEST(RandomWeights, DependOnSeedAndNameOnly) {
  const auto make = [](bool another, std::uint64_t seed) {
    Builder b;
    if (another) b.output(b.weight("other", {DType::f32, {4, 4}}));
    b.output(b.weight("w", {DType::f32, {4, 4}}));
    return values(decode(random_weights(b.finish(), seed).at("w")));
  };
  EXPECT_EQ(make(false, 1), make(true, 1));
  EXPECT_NE(make(false, 1), make(false, 2));
}

TEST(RandomWeights, IndicesStayInsideTheirTable) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {3, 2}}),
                index = b.weight("index", {DType::i32, {100}});
  b.output(b.gather(x, index));
  for (const double each : values(decode(random_weights(b.finish(), 1).at("index")))) {
    EXPECT_GE(each, 0);
    EXPECT_LT(each, 3);
  }
}

}  // namespace
}  // namespace pliant
