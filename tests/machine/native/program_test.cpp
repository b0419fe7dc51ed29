#include "allocations.h"
#include "graph/passes/passes.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "machine/native/check.h"

namespace pliant::native {
namespace {

std::vector<Tensor> outputs_for(const Graph& graph, std::int64_t rows) {
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs()) {
    TensorType type = graph.value(id).type;
    if (graph.value(id).rows) type.shape[0] = rows;
    outputs.emplace_back(type);
  }
  return outputs;
}

struct Ran {
  const Graph& graph;
  const WeightStore& weights;
  const std::vector<Tensor>& inputs;
};

std::vector<Tensor> run_native(const Ran& what, const Options& options, int threads,
                               std::int64_t rows = 0) {
  ThreadPool pool(threads);
  Machine machine(pool, options);
  const auto program = machine.prepare(std::make_shared<Graph>(what.graph),
                                       std::make_shared<WeightStore>(what.weights));
  Workspace workspace(program->need(), pool);
  // NaN wherever something is not written
  std::memset(workspace.arena().data(), 0xFF, workspace.arena().size());
  std::vector<Tensor> outputs = outputs_for(what.graph, rows == 0 ? what.graph.rows() : rows);
  const std::vector<TensorView> in = views_of(what.inputs), out = views_of(outputs);
  program->run({in, out, rows, nullptr}, workspace);
  return outputs;
}

Graph observe_everything(const Graph& graph) {
  std::vector<ValueId> results;
  for (const ValueId id : graph.values().ids())
    if (graph.value(id).role == Role::result) results.push_back(id);
  return observe(graph, results, Statistic::value);
}

// Each operator against the oracle on the operands that the machine itself computed: errors do not
// add up, and a discontinuous operator is judged on equal operands.
void expect_operators_agree(const Graph& graph, const WeightStore& weights,
                            const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  ById<ValueId, TensorView> views(graph.values().size());
  for (const ValueId id : views.ids()) {
    const Value& value = graph.value(id);
    if (value.role == Role::constant) views[id] = value.constant->view();
    if (value.role == Role::weight)
      views[id] = {value.type, const_cast<std::byte*>(weights.at(value.name).bytes.data())};
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) views[graph.inputs()[i]] = inputs[i].view();
  for (std::size_t i = 0; i < outputs.size(); ++i) views[graph.outputs()[i]] = outputs[i].view();
  ThreadPool pool(1);
  for (const Op& op : graph.ops()) {
    std::vector<TensorView> operands, results;
    std::vector<Tensor> wanted;
    for (const ValueId id : op.in) operands.push_back(views[id]);
    for (const ValueId id : op.out) {
      wanted.emplace_back(views[id].type);
      results.push_back(wanted.back().view());
    }
    evaluate(op, operands, results, pool);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      SCOPED_TRACE(op.name + " " + std::string(pliant::name(op.kind)));
      Tensor got(wanted[i].type());
      std::memcpy(got.view().data, views[op.out[i]].data, got.raw().size());
      const bool whole = !is_float(wanted[i].type().dtype);  // may fall to the other side of a half
      expect_near(got, wanted[i], whole ? 1 : 1e-5, whole ? 1.5 : 1e-2);
    }
  }
}

TEST(NativeProgram, EveryOperatorOfRandomGraphsAgrees) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Graph graph = random_graph(rng, {.operators = 16});
    const std::vector<Tensor> inputs = random_inputs(graph, rng);
    const WeightStore weights = random_weight_store(graph, rng);
    const Graph open = observe_everything(graph);
    expect_operators_agree(open, weights, inputs, run_native({open, weights, inputs}, {}, 2));
    if (HasFatalFailure()) return;
  }
}

TEST(NativeProgram, FusingSetsAndThreadsDoNotChangeABit) {
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Graph graph = random_graph(rng, {.operators = 20});
    const std::vector<Tensor> inputs = random_inputs(graph, rng);
    const WeightStore weights = random_weight_store(graph, rng);
    std::vector<Tensor> fused_sets;
    for (const Isa isa : available_isas()) {
      const std::vector<Tensor> plain = run_native({graph, weights, inputs}, {isa, false}, 1);
      std::vector<Tensor> fused = run_native({graph, weights, inputs}, {isa, true}, 3);
      const std::vector<Tensor> slow = run_native({graph, weights, inputs}, plain_options(isa), 1);
      for (std::size_t i = 0; i < plain.size(); ++i) {
        expect_same_bytes(plain[i], fused[i], "fused on " + std::string(name(isa)));
        expect_same_bytes(plain[i], slow[i], "without speed-ups on " + std::string(name(isa)));
      }
      if (!fused_multiply_add(isa)) continue;
      for (std::size_t i = 0; i < fused_sets.size(); ++i)
        expect_same_bytes(fused_sets[i], fused[i], "set " + std::string(name(isa)));
      fused_sets = std::move(fused);
    }
  }
}

TEST(NativeProgram, ARowDoesNotDependOnTheRowsAroundIt) {
  constexpr std::int64_t capacity = 7;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Graph graph = random_graph(rng, {.operators = 14, .rows = capacity});
    const WeightStore weights = random_weight_store(graph, rng);
    std::vector<Tensor> inputs = random_inputs(graph, rng);
    for (const std::int64_t rows : {1, 4}) {
      std::vector<Tensor> few;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Value& value = graph.value(graph.inputs()[i]);
        TensorType type = value.type;
        if (value.rows) type.shape[0] = rows;
        few.emplace_back(type);
        std::memcpy(few.back().view().data, inputs[i].view().data, few.back().raw().size());
        if (value.rows && value.name == "seq")  // the other rows are padding
          for (std::int64_t r = rows; r < capacity; ++r) set_int(inputs[i].view(), r, -1);
      }
      const std::vector<Tensor> all = run_native({graph, weights, inputs}, {}, 2);
      const std::vector<Tensor> part = run_native({graph, weights, few}, {}, 3, rows);
      for (std::size_t i = 0; i < part.size(); ++i)
        EXPECT_EQ(std::memcmp(part[i].view().data, all[i].view().data, part[i].raw().size()), 0)
            << rows << " rows, output " << i;
    }
  }
}

Graph small_graph() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 6, 6}}),
                w = b.weight("w", {DType::f32, {8, 4, 3, 3}});
  const ValueId scale = b.weight("scale", {DType::f32, {8, 1, 1}});
  const ValueId y = b.convolve(x, w, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, false});
  const ValueId doubled = b.map(argument(0) * constant(2), {scale});
  const ValueId z = b.map(maximum(argument(0) * argument(1), constant(0)), {y, doubled});
  const ValueId flat = b.reshape(z, {8, 36});
  b.output(b.reduce(kind::ReduceFn::mean, flat, {1}), "mean");
  b.output(flat, "flat");
  b.output(z, "again");
  b.output(x, "input");
  b.output(w, "weight");
  b.output(doubled, "folded");
  return b.finish();
}

TEST(NativeProgram, OutputsMayBeViewsInputsWeightsAndFolded) {
  const Graph graph = small_graph();
  const WeightStore weights = random_weights(graph, 1);
  Rng rng(1);
  const std::vector<Tensor> inputs = random_inputs(graph, rng);
  const std::vector<Tensor> got = run_native({graph, weights, inputs}, {}, 2);
  ThreadPool pool(1);
  const std::vector<Tensor> wanted = evaluate(graph, weights, views_of(inputs), pool);
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_near(got[i], wanted[i], 1e-5, 1e-3);
}

struct Prepared {
  explicit Prepared(Graph source, int threads = 1)
      : graph(std::make_shared<Graph>(std::move(source))), pool(threads) {
    program =
        Machine(pool).prepare(graph, std::make_shared<WeightStore>(random_weights(*graph, 1)));
    Rng rng(1);
    inputs = random_inputs(*graph, rng);
    outputs = outputs_for(*graph, graph->rows());
  }
  std::shared_ptr<Graph> graph;
  ThreadPool pool;
  std::unique_ptr<pliant::Program> program;
  std::vector<Tensor> inputs, outputs;
};

TEST(NativeProgram, RunDoesNotAllocate) {
  if (!counts_allocations()) GTEST_SKIP();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    Prepared p(random_graph(rng, {.operators = 20}));
    Workspace workspace(p.program->need(), p.pool);
    const std::vector<TensorView> in = views_of(p.inputs), out = views_of(p.outputs);
    const long before = allocations();
    p.program->run({in, out, 0, nullptr}, workspace);
    EXPECT_EQ(allocations(), before) << "seed " << seed;
  }
}

TEST(NativeProgram, TraceNamesEveryStepInOrder) {
  struct Steps : Trace {
    void step(const Step& step) override {
      EXPECT_LE(end, step.begin);
      EXPECT_LE(step.begin, step.end);
      EXPECT_GT(step.group, last);
      EXPECT_FALSE(step.op.name.empty());
      last = step.group;
      end = step.end;
      std::int64_t tasks = 0;
      for (const Busy& each : step.threads) {
        tasks += each.tasks;
        if (each.tasks == 0) continue;
        EXPECT_LE(step.begin, each.begin);
        EXPECT_LE(each.begin, each.end);
        EXPECT_LE(each.end, step.end);
      }
      EXPECT_GT(tasks, 0);
      ++count;
    }
    void span(std::string_view, std::int64_t, double, double) override {}
    double end = 0;
    std::int32_t last = -1;
    int count = 0;
  } steps;
  Prepared p(small_graph());
  Workspace workspace(p.program->need(), p.pool);
  const std::vector<TensorView> in = views_of(p.inputs), out = views_of(p.outputs);
  p.program->run({in, out, 0, &steps}, workspace);
  EXPECT_TRUE(p.pool.busy().empty());  // nobody watches any more
  EXPECT_EQ(steps.count, 2);  // the convolution with its Map, and the mean; the reshape is a view
}

TEST(NativeProgram, BindingsThatDoNotFitAreRefusedByName) {
  Prepared p(small_graph());
  Workspace workspace(p.program->need(), p.pool);
  std::vector<TensorView> in = views_of(p.inputs), out = views_of(p.outputs);
  const auto problem = [&](std::int64_t rows, Workspace& used) {
    const Error error = thrown_by([&] { p.program->run({in, out, rows, nullptr}, used); });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return std::string(error.what());
  };
  EXPECT_NE(problem(1, workspace).find("rows"), std::string::npos);
  Workspace tiny(Need{}, p.pool);
  EXPECT_NE(problem(0, tiny).find("workspace"), std::string::npos);
  in[0].type.shape[3] = 7;
  EXPECT_NE(problem(0, workspace).find("input x"), std::string::npos);
  in = views_of(p.inputs);
  in[0].data = nullptr;
  EXPECT_NE(problem(0, workspace).find("no memory"), std::string::npos);
  in = views_of(p.inputs);
  out[1].type.dtype = DType::i32;
  EXPECT_NE(problem(0, workspace).find("output"), std::string::npos);
  out.pop_back();
  EXPECT_NE(problem(0, workspace).find("6"), std::string::npos);
}

TEST(NativeMachine, RefusesByNameAndReason) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 3}}), d = b.input("d", {DType::f64, {2, 3}});
  b.output(b.add(kind::Opaque{"com.acme", "Magic", "", {{DType::f32, {2}}}}, {x}, "magic")[0]);
  b.output(b.softmax(d, 1, "wide"));
  b.output(b.map(argument(0) + constant(1), {d}, {}, "wider"));
  const auto graph = std::make_shared<Graph>(b.finish());
  ThreadPool pool(1);
  Machine machine(pool);
  const std::vector<Refusal> refusals = machine.refuses(*graph);
  ASSERT_EQ(refusals.size(), 3U);
  EXPECT_NE(refusals[0].reason.find("com.acme.Magic"), std::string::npos) << refusals[0].reason;
  EXPECT_NE(refusals[1].reason.find("f64"), std::string::npos) << refusals[1].reason;
  EXPECT_NE(refusals[2].reason.find("f64"), std::string::npos) << refusals[2].reason;
  const Error error = thrown_by([&] { machine.prepare(graph, std::make_shared<WeightStore>()); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.place(), "magic");
  EXPECT_EQ(thrown_by([&] { make_kernel(*graph, Group{{OpId{1}}}); }).kind(),
            ErrorKind::unsupported);
}

TEST(NativeMachine, MissingAndMismatchedWeightsAreNamed) {
  const auto graph = std::make_shared<Graph>(small_graph());
  ThreadPool pool(1);
  const Error missing =
      thrown_by([&] { Machine(pool).prepare(graph, std::make_shared<WeightStore>()); });
  EXPECT_EQ(missing.kind(), ErrorKind::not_found);
  auto weights = std::make_shared<WeightStore>();
  weights->add("w", Tensor(TensorType{DType::f32, {8, 4, 3}}));
  weights->add("scale", Tensor(TensorType{DType::f32, {8, 1, 1}}));
  EXPECT_EQ(thrown_by([&] { Machine(pool).prepare(graph, weights); }).kind(), ErrorKind::invalid);
}

TEST(NativeMachine, AnInstructionSetThatIsNotHereIsRefused) {
  const std::vector<Isa> here = available_isas();
  ThreadPool pool(1);
  for (const Isa isa : {Isa::sse4, Isa::neon}) {
    if (std::find(here.begin(), here.end(), isa) != here.end()) continue;
    EXPECT_EQ(thrown_by([&] {
                Machine machine(pool, {isa, true});
              }).kind(),
              ErrorKind::unsupported);
  }
  EXPECT_EQ(here[0], Isa::scalar);
}

TEST(NativeGroups, CrossChannelNormalisationRunsInOnePiece) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 9, 5, 7}});
  const ValueId square = b.map(argument(0) * argument(0), {x});
  const ValueId deep = b.reshape(square, {2, 1, 9, 35});
  const ValueId sum =
      b.pool(deep, {kind::PoolFn::mean, {5, 1}, {1, 1}, {2, 0}, {2, 0}, {1, 1}, false});
  const ValueId back = b.reshape(sum, {2, 9, 5, 7});
  const Expr denominator =
      apply(Fn::power, {constant(1) + constant(1e-1) * argument(1), constant(0.75)});
  b.output(b.map(argument(0) / denominator, {x, back}));
  const Graph graph = b.finish();
  ASSERT_EQ(groups(graph).size(), 1U);
  const WeightStore weights;
  Rng rng(1);
  const std::vector<Tensor> inputs = random_inputs(graph, rng);
  const std::vector<Tensor> fused = run_native({graph, weights, inputs}, {Isa::best, true}, 2);
  const std::vector<Tensor> plain = run_native({graph, weights, inputs}, {Isa::best, false}, 1);
  expect_same_bytes(fused[0], plain[0], "fused");
  ThreadPool pool(1);
  expect_near(fused[0], evaluate(graph, weights, views_of(inputs), pool)[0], 2e-6, 1e-3);
}

}  // namespace
}  // namespace pliant::native
