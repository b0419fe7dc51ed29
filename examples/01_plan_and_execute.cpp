// 1: from a network to a proven plan, and a run that shows the plan is true.
//
//   example-01_plan_and_execute [FILE.onnx]
//
// Builds a small network of search-made cells, plans it for less memory than it would like, runs it
// inside an arena of exactly that size, and compares with the reference evaluator. With FILE it
// also writes the network as ONNX, for `pliant plan FILE.onnx --scratchpad MR --execute`.
#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <string>
#include <vector>

#include "core/rng.h"
#include "formats/onnx/export/write.h"
#include "graph/builder.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "machine/scratchpad/scratchpad.h"

namespace {

using namespace pliant;

ValueId relu(Builder& b, ValueId x) {
  return b.map(maximum(argument(0), constant(0)), {x}, {}, "relu");
}

// A convolution that keeps the size (or halves it), a bias and a ReLU: one kernel on every machine.
ValueId convolve(Builder& b, ValueId x, std::int64_t channels, std::int64_t size,
                 std::int64_t stride, const char* name) {
  const Builder::Scope scope(b, name);
  const ValueId weight =
      b.weight(std::string(name) + ".weight", {DType::f32, {channels, b.shape(x)[1], size, size}});
  const std::int64_t low = (size - 1) / 2;
  const std::int64_t high = size - 1 - low;
  const ValueId y = b.convolve(
      x, weight, {{stride, stride}, {low, low}, {high, high}, {1, 1}, 1, false}, "convolve");
  return relu(b, y);
}

ValueId add(Builder& b, ValueId x, ValueId y) {
  return b.map(argument(0) + argument(1), {x, y}, {}, "add");
}

// A cell as architecture search likes them: branches of different width that meet again. The order
// in which they run decides how much must be kept, so there is something to plan.
ValueId cell(Builder& b, ValueId x, ValueId skip, std::int64_t channels, int number) {
  const Builder::Scope scope(b, "cell" + std::to_string(number));
  const auto name = [&](const char* part) { return fmt::format("cell{}.{}", number, part); };
  const ValueId a = convolve(b, x, channels, 3, 1, name("a").c_str());
  const ValueId c = convolve(b, skip, channels, 1, 1, name("b").c_str());
  const ValueId d = convolve(b, x, 2 * channels, 1, 1, name("c").c_str());
  const ValueId e = convolve(b, skip, 2 * channels, 3, 1, name("d").c_str());
  const ValueId f = convolve(b, add(b, d, e), channels, 3, 1, name("e").c_str());
  const ValueId g = add(b, a, c);
  return b.concat({g, f, add(b, g, f)}, 1, "concat");
}

Graph network() {
  Builder b;
  const ValueId image = b.input("image", {DType::f32, {1, 3, 64, 64}});
  ValueId skip = convolve(b, image, 8, 3, 2, "stem");
  ValueId x = cell(b, skip, skip, 8, 1);
  for (int number = 2; number <= 4; ++number) {
    const ValueId next = cell(b, x, skip, 8, number);
    skip = x;
    x = next;
  }
  const ValueId pooled = b.reduce(kind::ReduceFn::mean, x, {2, 3}, false, "pool");
  const ValueId table = b.weight("classifier.weight", {DType::f32, {10, b.shape(pooled)[1]}});
  b.output(b.softmax(b.einsum("nc,kc->nk", {pooled, table}, "classifier"), 1, "probabilities"),
           "probabilities");
  return b.finish();
}

void plan_and_execute(const std::shared_ptr<const Graph>& graph,
                      const std::shared_ptr<const WeightStore>& weights, ThreadPool& pool) {
  // What is right: the reference evaluator, in double precision.
  const Tensor image(graph->value(graph->inputs()[0]).type);
  Rng rng(1);
  fill_normal(image.view(), rng, 1.0);
  const std::vector<TensorView> inputs{image.view()};
  const std::vector<Tensor> wanted = evaluate(*graph, *weights, inputs, pool);

  // The two sizes that matter: below the largest operator nothing runs, from the minimum peak on no
  // traffic is needed.
  const plan::GraphProblem whole = plan::problem_of(*graph);
  const plan::ScratchpadSizes sizes = plan::scratchpad_sizes(whole.problem, {}, pool);
  fmt::print("network: {} operators after fusion, {} tensors\n", whole.problem.operators.size(),
             whole.problem.tensors.size());
  fmt::print("largest operator (MR) {} bytes, least peak over all orders (MP) {} bytes{}\n\n",
             sizes.required.bytes, sizes.peak, sizes.peak_exact ? "" : " at most");

  fmt::print("{:>12} {:>10} {:>14} {:>14} {:>10} {:>12}\n", "scratchpad", "status", "traffic",
             "counted", "highest", "error");
  for (const std::int64_t bytes : {sizes.required.bytes, sizes.half / 4 * 4, sizes.peak}) {
    scratchpad::ExecuteOptions options;
    options.scratchpad_bytes = bytes;
    const auto program = scratchpad::Machine(pool, options).prepare(graph, weights);
    const auto& planned = dynamic_cast<const scratchpad::Program&>(*program);
    const scratchpad::Execution run = planned.execute(inputs, pool);

    const Tensor output(graph->value(graph->outputs()[0]).type);
    const std::vector<TensorView> outputs{output.view()};
    Workspace workspace(program->need(), pool);
    program->run({inputs, outputs}, workspace);
    double error = 0;
    for (std::int64_t i = 0; i < elements(output.type().shape); ++i)
      error = std::max(error, std::abs(get(output.view(), i) - get(wanted[0].view(), i)));
    fmt::print("{:>12} {:>10} {:>14} {:>14} {:>10} {:>12.1e}\n", bytes,
               plan::name(planned.plan().status), planned.plan().traffic_bytes, run.traffic_bytes(),
               run.highest_byte, error);
    if (run.traffic_bytes() != planned.plan().traffic_bytes || error > 1e-5)
      throw std::runtime_error("the plan is not true");
  }
  fmt::print(
      "\nexpected: status optimal, counted equal to traffic, highest at most the scratchpad, error "
      "below 1e-5\n");
}

}  // namespace

int main(int argc, char** argv) try {
  ThreadPool pool(default_threads());
  const auto graph = std::make_shared<const Graph>(network());
  const auto weights = std::make_shared<const WeightStore>(random_weights(*graph, 1));
  if (argc > 1) {
    write_onnx_file(argv[1], *graph, *weights);
    fmt::print("wrote {}\n", argv[1]);
  }
  plan_and_execute(graph, weights, pool);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
