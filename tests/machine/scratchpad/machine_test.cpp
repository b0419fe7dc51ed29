#include "machine/scratchpad/scratchpad.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "graph/convolution_net.h"
#include "graph/passes/tile.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "plan/random_problem.h"

namespace pliant::scratchpad {
namespace {

struct Case {
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<const WeightStore> weights;
  std::vector<Tensor> inputs;
};

Case random_case(std::uint64_t seed, const RandomGraphOptions& options = {}) {
  Rng rng(seed);
  Case result;
  result.graph = std::make_shared<const Graph>(random_graph(rng, options));
  result.weights = std::make_shared<const WeightStore>(random_weight_store(*result.graph, rng));
  result.inputs = random_inputs(*result.graph, rng);
  return result;
}

std::vector<Tensor> run(const pliant::Program& program, const Case& c, ThreadPool& pool) {
  std::vector<Tensor> outputs;
  for (const ValueId id : program.graph().outputs())
    outputs.emplace_back(program.graph().value(id).type);
  const std::vector<TensorView> in = views_of(c.inputs), out = views_of(outputs);
  Workspace workspace(program.need(), pool);
  program.run({in, out}, workspace);
  return outputs;
}

void expect_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                      std::uint64_t seed) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(a[i].raw(), b[i].raw())) << "seed " << seed << ", output " << i;
}

std::int64_t least_size(const Program& program) {
  return plan::required_size(program.problem().problem, program.plan().alignment).bytes;
}

// A chain in which every operator also reads a value from before: at its least size something must
// leave.
Case skipping_case(std::uint64_t seed) {
  Rng rng(seed);
  Builder b;
  std::vector<ValueId> values{b.input("x", {DType::f32, {1, 4, 6, 6}})};
  for (int i = 0; i < 8; ++i) {
    const ValueId weight = b.weight("w" + std::to_string(i), {DType::f32, {4, 4, 3, 3}});
    const ValueId y = b.convolve(values.back(), weight, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, false});
    const ValueId skip = values[rng.below(static_cast<std::int64_t>(values.size()))];
    values.push_back(b.concat({b.map(maximum(argument(0), constant(0)), {y}), skip}, 1));
    values.back() = b.slice(values.back(), 1, rng.between(0, 4), 4);
  }
  b.output(values.back());
  Case result;
  result.graph = std::make_shared<const Graph>(b.finish());
  result.weights = std::make_shared<const WeightStore>(random_weights(*result.graph, seed));
  result.inputs = random_inputs(*result.graph, rng);
  return result;
}

// Plans for a roomy scratchpad and for the least: the native machine's bits, and the bytes that the
// plan says. Returns the plans with traffic.
int expect_planned_runs(const Case& c, std::uint64_t seed, ThreadPool& pool) {
  int with_traffic = 0;
  const std::vector<Tensor> wanted =
      run(*native::Machine(pool).prepare(c.graph, c.weights), c, pool);
  for (const bool weights : {false, true}) {
    ExecuteOptions options;
    options.weights = weights;
    options.solve.limits.memory_bytes = 16 << 20;  // a plan is wanted here, not always its proof
    options.scratchpad_bytes = 1 << 16;
    const auto roomy = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*roomy, c, pool), wanted, seed);
    options.scratchpad_bytes = least_size(dynamic_cast<const Program&>(*roomy));
    const auto tight = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*tight, c, pool), wanted, seed);
    const auto& planned = dynamic_cast<const Program&>(*tight);
    const Execution counted = planned.execute(views_of(c.inputs), pool);
    EXPECT_EQ(counted.traffic_bytes(), planned.plan().traffic_bytes) << seed;
    EXPECT_EQ(counted.compulsory_bytes, planned.plan().compulsory_bytes) << seed;
    EXPECT_LE(counted.highest_byte, planned.plan().scratchpad_bytes) << seed;
    with_traffic += planned.plan().traffic_bytes > 0;
  }
  return with_traffic;
}

TEST(ScratchpadMachine, GivesTheBitsOfTheUnconstrainedRunOnEveryKind) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 40; ++seed)
    expect_planned_runs(random_case(seed, {.operators = 16, .rows = seed % 3 == 0 ? 6 : 0}), seed,
                        pool);
}

TEST(ScratchpadMachine, GivesTheBitsOfTheUnconstrainedRunUnderTraffic) {
  ThreadPool pool(2);
  int with_traffic = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    with_traffic += expect_planned_runs(skipping_case(seed), seed, pool);
  EXPECT_GT(with_traffic, 10);  // else the test shows little
}

TEST(ScratchpadMachine, GivesTheSameBitsInPlace) {
  ThreadPool pool(2);
  int pairs = 0, smaller = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Case c = random_case(seed, {.operators = 16, .rows = seed % 3 == 0 ? 6 : 0});
    const std::vector<Tensor> wanted =
        run(*native::Machine(pool).prepare(c.graph, c.weights), c, pool);
    ExecuteOptions options;
    options.scratchpad_bytes = 1 << 16;
    options.solve.limits.effort = 20'000'000;
    const auto plain = Machine(pool, options).prepare(c.graph, c.weights);
    options.in_place = true;
    const auto roomy = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*roomy, c, pool), wanted, seed);
    const auto& program = dynamic_cast<const Program&>(*roomy);
    for (const plan::Operator& op : program.problem().problem.operators)
      pairs += static_cast<int>(op.in_place.size());
    smaller += least_size(program) < least_size(dynamic_cast<const Program&>(*plain));
    options.scratchpad_bytes =
        plan::scratchpad_sizes(program.problem().problem, options.solve, pool).half;
    options.scratchpad_bytes = (options.scratchpad_bytes + 63) / 64 * 64;
    expect_same_bits(run(*Machine(pool, options).prepare(c.graph, c.weights), c, pool), wanted,
                     seed);
  }
  EXPECT_GT(pairs, 60);
  EXPECT_GT(smaller, 5);
}

// Bands of convolutions, whose rows are put together in the kernel's workspace, inside the arena.
TEST(ScratchpadMachine, GivesTheBitsOfTheUnconstrainedRunInBands) {
  ThreadPool pool(2);
  int assembled = 0, with_traffic = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    Case c;
    try {
      c.graph = std::make_shared<const Graph>(
          tile(ConvolutionNet(seed).make(6), {.bands = 3, .least_bytes = 0}));
    } catch (const Error&) {
      continue;  // too few rows
    }
    c.weights = std::make_shared<const WeightStore>(random_weight_store(*c.graph, rng));
    c.inputs = random_inputs(*c.graph, rng);
    const std::vector<Tensor> wanted =
        run(*native::Machine(pool).prepare(c.graph, c.weights), c, pool);
    ExecuteOptions options;
    options.halo = true;
    options.solve.limits.effort = 20'000'000;
    options.scratchpad_bytes = 1 << 20;
    const auto roomy = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*roomy, c, pool), wanted, seed);
    const auto& program = dynamic_cast<const Program&>(*roomy);
    for (const plan::Operator& op : program.problem().problem.operators)
      assembled += op.workspace > 0;
    for (const bool in_place : {false, true}) {
      options.in_place = in_place;
      options.scratchpad_bytes =
          (plan::scratchpad_sizes(program.problem().problem, options.solve, pool).half + 3) / 4 * 4;
      const auto tight = Machine(pool, options).prepare(c.graph, c.weights);
      expect_same_bits(run(*tight, c, pool), wanted, seed);
      with_traffic += dynamic_cast<const Program&>(*tight).plan().traffic_bytes > 0;
    }
  }
  EXPECT_GT(assembled, 200);
  EXPECT_GT(with_traffic, 10);
}

// Narrow maps are concatenated after a wide one has been made and read: at the least size they must
// leave before.
Graph concat_around_a_wide_map(std::int64_t wide) {
  Builder b;
  const auto conv = [&](ValueId x, std::int64_t out) {
    const ValueId w =
        b.weight("w" + std::to_string(to_int(b.next())), {DType::f32, {out, b.shape(x)[1], 3, 3}});
    return b.convolve(x, w, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, false});
  };
  const ValueId first = conv(b.input("x", {DType::f32, {1, 2, 6, 6}}), 2), second = conv(first, 2);
  const ValueId last = conv(conv(second, wide), 2);
  b.output(conv(b.concat({b.concat({first, second}, 1), last}, 1), 3));
  return b.finish();
}

// Kernels read the parts of a Concat that copies nothing as one operand.
TEST(ScratchpadMachine, GivesTheSameBitsWithoutCopyingConcats) {
  ThreadPool pool(2);
  int runs = 0, with_traffic = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c;
    const auto wide = static_cast<std::int64_t>(seed);
    c.graph = std::make_shared<const Graph>(seed >= 10 && seed < 20 ? concat_around_a_wide_map(wide)
                                                                    : ConvolutionNet(seed).make(9));
    Rng rng(seed);
    c.weights = std::make_shared<const WeightStore>(random_weight_store(*c.graph, rng));
    c.inputs = random_inputs(*c.graph, rng);
    const std::vector<Tensor> wanted =
        run(*native::Machine(pool).prepare(c.graph, c.weights), c, pool);
    ExecuteOptions options;
    options.zero_copy_concat = true;
    options.in_place = seed % 2 == 0;
    options.solve.limits.effort = 20'000'000;
    options.scratchpad_bytes = 1 << 20;
    const auto roomy = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*roomy, c, pool), wanted, seed);
    const auto& program = dynamic_cast<const Program&>(*roomy);
    for (const plan::Operator& op : program.problem().problem.operators)
      runs += static_cast<int>(op.adjacent.size());
    options.scratchpad_bytes = least_size(program);
    const auto tight = Machine(pool, options).prepare(c.graph, c.weights);
    expect_same_bits(run(*tight, c, pool), wanted, seed);
    with_traffic += dynamic_cast<const Program&>(*tight).plan().traffic_bytes > 0;
  }
  EXPECT_GT(runs, 30);
  EXPECT_GT(with_traffic, 3);
}

TEST(ScratchpadMachine, HashOperatorsProvePlansInPlace) {
  ThreadPool pool(2);
  int planned = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed, 2);
    plan::Problem problem = plan::random_problem(rng, {4, 9, 3});
    if (plan::add_in_place_pairs(problem, rng) == 0) continue;
    HashOperators operators(problem, seed);
    const Contents contents = random_contents(problem, seed);
    const plan::Plan plan = plan::solve(problem, plan::most_required(problem), {}, pool);
    if (plan.order.empty()) continue;
    const Execution execution = execute(problem, plan, operators, contents);
    EXPECT_EQ(execution.outputs, execute_unconstrained(problem, operators, contents)) << seed;
    EXPECT_EQ(execution.traffic_bytes(), plan.traffic_bytes) << seed;
    ++planned;
  }
  EXPECT_GT(planned, 60);
}

TEST(ScratchpadMachine, HashOperatorsProvePlansOfAnyProblem) {
  ThreadPool pool(2);
  int with_traffic = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const plan::Problem problem = plan::random_problem(rng, {4, 9, 40});
    HashOperators operators(problem, seed);
    const Contents contents = random_contents(problem, seed);
    const Contents wanted = execute_unconstrained(problem, operators, contents);
    const plan::ScratchpadSizes sizes = plan::scratchpad_sizes(problem, {}, pool);
    for (const std::int64_t bytes : {sizes.required.bytes, sizes.half, sizes.peak}) {
      const plan::Plan plan = plan::solve(problem, bytes, {}, pool);
      const Execution execution = execute(problem, plan, operators, contents);
      EXPECT_EQ(execution.outputs, wanted) << seed;
      EXPECT_EQ(execution.traffic_bytes(), plan.traffic_bytes) << seed;
      EXPECT_EQ(execution.compulsory_bytes, plan.compulsory_bytes) << seed;
      with_traffic += plan.traffic_bytes > 0;
    }
  }
  EXPECT_GT(with_traffic, 50);
}

TEST(ScratchpadMachine, HashOperatorsRunGraphsWithOpaqueOperatorsAtAnyElementSize) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Case c = random_case(seed, {.operators = 16, .opaque = true});
    const auto elem_bytes = static_cast<std::int64_t>(seed % 3);
    const plan::GraphProblem made = plan::problem_of(
        *c.graph, {.weights = seed % 2 == 0, .elem_bytes = elem_bytes, .workspace = {}});
    HashOperators operators(made.problem, seed);
    const Contents contents = random_contents(made.problem, seed);
    const std::int64_t bytes = plan::required_size(made.problem, 1).bytes;
    const plan::Plan plan = plan::solve(made.problem, bytes, {}, pool);
    EXPECT_EQ(execute(made.problem, plan, operators, contents).outputs,
              execute_unconstrained(made.problem, operators, contents))
        << seed;
  }
}

TEST(ScratchpadMachine, NamesTheOperatorThatDoesNotFit) {
  ThreadPool pool(1);
  const Case c = random_case(1);
  ExecuteOptions options;
  options.scratchpad_bytes = 1;
  try {
    Machine(pool, options).prepare(c.graph, c.weights);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::capacity);
    EXPECT_NE(error.place().find("operator '"), std::string::npos) << error.what();
  }
}

TEST(ScratchpadMachine, RefusesOpaqueOperators) {
  ThreadPool pool(1);
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4}});
  b.output(b.add(kind::Opaque{"", "Mystery", "", {{DType::f32, {4}}}}, {x}, "mystery")[0]);
  const auto graph = std::make_shared<const Graph>(b.finish());
  EXPECT_THROW(Machine(pool).prepare(graph, std::make_shared<const WeightStore>()), Error);
}

// No operator of the plan touches these; their tensors were looked up all the same.
TEST(ScratchpadMachine, PassesViewsOfLeavesThrough) {
  ThreadPool pool(1);
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 2}});
  const ValueId w = b.weight("w", {DType::f32, {2, 3}});
  for (const ValueId leaf : {x, w, b.constant(Tensor::of(DType::f32, {2}, {5, 6}))}) {
    b.output(leaf);
    b.output(b.reshape(leaf, {-1}));
  }
  b.output(b.slice(x, 0, 1, 2));
  Case c{std::make_shared<const Graph>(b.finish()), {}, {}};
  Rng rng(3);
  c.weights = std::make_shared<const WeightStore>(random_weight_store(*c.graph, rng));
  c.inputs = random_inputs(*c.graph, rng);
  ExecuteOptions roomy;
  roomy.scratchpad_bytes = 64;
  const auto program = Machine(pool, roomy).prepare(c.graph, c.weights);
  expect_same_bits(run(*program, c, pool), evaluate(*c.graph, *c.weights, views_of(c.inputs), pool),
                   0);
}

TEST(ScratchpadMachine, ChecksWhatIsBound) {
  ThreadPool pool(1);
  const Case c = random_case(2);
  const auto program = Machine(pool).prepare(c.graph, c.weights);
  Workspace workspace(program->need(), pool);
  EXPECT_THROW(program->run({}, workspace), Error);
}

}  // namespace
}  // namespace pliant::scratchpad
