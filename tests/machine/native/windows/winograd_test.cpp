// Programs whose 3x3 convolutions run on transformed tiles, against the reference evaluator.
#include "graph/reference/random_weights.h"
#include "machine/native/check.h"

namespace pliant::native {
namespace {

struct Case {
  std::int64_t batch, in, out, height, width;
  kind::Sizes low, high;
};

Graph graph_of(const Case& c) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {c.batch, c.in, c.height, c.width}});
  const ValueId w = b.weight("w", {DType::f32, {c.out, c.in, 3, 3}});
  const ValueId bias = b.weight("bias", {DType::f32, {c.out, 1, 1}});
  const ValueId y = b.convolve(x, w, {{1, 1}, c.low, c.high, {1, 1}, 1, false});
  b.output(b.map(maximum(argument(0) + argument(1), constant(-1)), {y, bias}));
  return b.finish();
}

struct Run {
  Tensor result;
  std::int64_t copies;  // bytes of weights that the machine made
};

Run run(const Graph& graph, const WeightStore& weights, const Tensor& x, const Options& options,
        int threads) {
  ThreadPool pool(threads);
  Machine machine(pool, options);
  const auto program =
      machine.prepare(std::make_shared<Graph>(graph), std::make_shared<WeightStore>(weights));
  Workspace workspace(program->need(), pool);
  // NaN wherever something is not written
  std::memset(workspace.arena().data(), 0xFF, workspace.arena().size());
  Tensor y(graph.value(graph.outputs()[0]).type);
  const TensorView in = x.view(), out = y.view();
  program->run({{&in, 1}, {&out, 1}, 0, nullptr}, workspace);
  return {std::move(y), machine.weight_copies()};
}

// The tolerance of tests/cross for a native convolution, in units of the spread: that of the direct
// sum.
void expect_accurate(const Tensor& got, const Tensor& wanted, std::int64_t terms,
                     const std::string& what) {
  double squares = 0;
  for (const double each : oracle::values(wanted)) squares += each * each;
  const auto count = static_cast<double>(elements(wanted.type().shape));
  const double allowed =
      (1e-6 + 4e-7 * std::sqrt(static_cast<double>(terms))) * std::sqrt(squares / count);
  for (std::int64_t i = 0; i < elements(wanted.type().shape); ++i)
    ASSERT_NEAR(get(got.view(), i), get(wanted.view(), i), allowed) << what << ", element " << i;
}

void check_case(const Case& c, std::uint64_t seed) {
  SCOPED_TRACE(std::to_string(c.batch) + "x" + std::to_string(c.in) + "x" +
               std::to_string(c.height) + "x" + std::to_string(c.width) + " to " +
               std::to_string(c.out));
  const Graph graph = graph_of(c);
  const WeightStore weights = random_weights(graph, seed);
  Rng rng(seed);
  const Tensor x = oracle::normal(rng, {c.batch, c.in, c.height, c.width});
  ThreadPool pool(1);
  const Tensor wanted =
      std::move(evaluate(graph, weights, std::vector<TensorView>{x.view()}, pool)[0]);
  std::optional<Tensor> other;
  for (const Isa isa : available_isas()) {
    const std::string set(name(isa));
    const Run tiled = run(graph, weights, x, {.isa = isa}, 1);
    expect_accurate(tiled.result, wanted, 9 * c.in, set);
    EXPECT_GT(tiled.copies, 0) << "the weights were not transformed";
    expect_same_bytes(run(graph, weights, x, {.isa = isa}, 3).result, tiled.result,
                      "three threads on " + set);
    const Run direct = run(graph, weights, x, {.isa = isa, .winograd = false}, 2);
    expect_accurate(direct.result, wanted, 9 * c.in, "direct on " + set);
    EXPECT_NE(std::memcmp(direct.result.view().data, tiled.result.view().data,
                          direct.result.raw().size()),
              0);
    if (!fused_multiply_add(isa)) continue;
    if (other) expect_same_bytes(tiled.result, *other, "differs between sets on " + set);
    other = tiled.result.copy();
  }
}

TEST(NativeWinograd, AgreesWithTheReferenceOnBothTilesAndEveryBorder) {
  std::uint64_t seed = 1;
  for (const Case& c :
       {Case{1, 8, 8, 6, 6, {1, 1}, {1, 1}}, Case{1, 16, 24, 7, 7, {1, 1}, {1, 1}},
        Case{2, 9, 17, 13, 14, {1, 1}, {1, 1}}, Case{1, 64, 50, 28, 29, {1, 1}, {1, 1}},
        Case{1, 12, 100, 15, 40, {0, 0}, {0, 0}}, Case{1, 20, 16, 16, 131, {2, 0}, {1, 2}},
        Case{3, 10, 33, 6, 230, {1, 1}, {0, 1}}, Case{1, 300, 8, 12, 12, {1, 1}, {1, 1}}})
    check_case(c, seed++);
}

TEST(NativeWinograd, LargeImagesGoBandByBand) {
  check_case({1, 64, 16, 150, 160, {1, 1}, {1, 1}}, 3);
}

TEST(NativeWinograd, ProgramsOfOneMachineShareTransformedWeights) {
  const Graph graph = graph_of({1, 8, 8, 12, 12, {1, 1}, {1, 1}});
  const auto shared_graph = std::make_shared<Graph>(graph);
  const auto weights = std::make_shared<WeightStore>(random_weights(graph, 1));
  ThreadPool pool(1);
  Machine machine(pool);
  const auto one = machine.prepare(shared_graph, weights);
  const std::int64_t copies = machine.weight_copies();
  const auto two = machine.prepare(shared_graph, weights);
  EXPECT_EQ(machine.weight_copies(), copies);
  EXPECT_EQ(copies, 36 * 8 * 16 * 4);  // 6x6 points, 8 inputs, 8 outputs of a panel of 16
}

// A kernel made alone does not know its weights beforehand.
TEST(NativeWinograd, KernelsMadeAloneSumDirectly) {
  const Graph graph = graph_of({1, 8, 8, 12, 12, {1, 1}, {1, 1}});
  EXPECT_EQ(make_kernel(graph, groups(graph)[0])->workspace(), 0);
}

}  // namespace
}  // namespace pliant::native
