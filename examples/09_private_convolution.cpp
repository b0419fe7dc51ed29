// 9: a small convolutional network on an encrypted picture.
//
//   example-09_private_convolution
//
// Two convolutions of stride 2 with an activation after each, a mean over what is left of the
// picture, and a layer of ten classes. A convolution is a Window, which repeats elements, and an
// Einsum with the kernel. Nothing is repeated on ciphertexts: windows, stride, padding and kernel
// together are one linear map, done by its diagonals in one level.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <stdexcept>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "graph/reference/reference.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/graph/run.h"

namespace {

using namespace pliant;

// A convolution of 3x3 windows, every second one, with zeros around the picture.
ValueId convolved(Builder& b, ValueId x, std::int64_t channels, const std::string& name) {
  const std::int64_t before = b.shape(x)[1];
  const ValueId kernel = b.weight(name + ".kernel", {DType::f32, {channels, before, 3, 3}});
  const ValueId wide = b.pad(x, {{0, 0, 1, 1}, {0, 0, 1, 1}, {0, 0, 0, 0}}, name + ".pad");
  const ValueId windows = b.window(wide, {{2, 3}, {3, 3}, {2, 2}, {1, 1}}, name + ".windows");
  const ValueId sum = b.einsum("nchwyx,ocyx->nohw", {windows, kernel}, name);
  return b.map(apply(Fn::gelu, {argument(0)}), {sum}, {}, name + ".active");
}

Graph network() {
  Builder b;
  const ValueId x = b.input("picture", {DType::f32, {1, 1, 16, 16}});
  const ValueId second = convolved(b, convolved(b, x, 4, "first"), 8, "second");
  const ValueId mean = b.reduce(kind::ReduceFn::mean, second, {2, 3}, false, "mean");
  const ValueId classes = b.weight("classes", {DType::f32, {10, 8}});
  b.output(b.einsum("nc,oc->no", {mean, classes}, "scores"));
  return b.finish();
}

void run() {
  const Graph graph = network();
  WeightStore weights;
  Rng rng(11);
  for (const Value& value : graph.values()) {
    if (value.role != Role::weight) continue;
    Tensor weight(value.type);
    std::int64_t reads = 1;  // elements that a result is summed over
    for (std::size_t axis = 1; axis < value.type.shape.size(); ++axis)
      reads *= value.type.shape[axis];
    fill_normal(weight.view(), rng, 1 / std::sqrt(static_cast<double>(reads)));
    weights.add(value.name, std::move(weight));
  }
  std::vector<Tensor> pictures;
  for (int i = 0; i < 4; ++i) {
    pictures.emplace_back(TensorType{DType::f32, {1, 1, 16, 16}});
    fill_uniform(pictures.back().view(), rng, -1, 1);
  }
  // The last one is secret; the others show what range each value has.
  std::vector<std::vector<TensorView>> seen;
  for (int i = 0; i < 3; ++i) seen.push_back({pictures[i].view()});
  ThreadPool pool(1);
  encrypted::Ranges ranges = encrypted::observe_ranges(graph, weights, seen, .5, pool);
  ranges["picture"] = {-1, 1};
  const encrypted::GraphPlan plan =
      encrypted::plan(graph, {"picture"}, ranges,
                      {.slots = 1024,
                       .approximation = .02,
                       .gains = encrypted::observe_gains(graph, weights, {"picture"}, pool)});
  for (const std::string& reason : plan.plan.reasons) fmt::print("{}\n", reason);
  fmt::print("{}\n", to_string(counts(plan.plan.program)));
  const ckks::Params params = einsum::choose_parameters(plan.plan);
  fmt::print("{}\n\n", describe(params));

  einsum::Engine engine(params, plan.plan.program.slots);
  const std::vector<TensorView> inputs{pictures[3].view()};
  const auto start = std::chrono::steady_clock::now();
  const einsum::Decrypted answer = encrypted::run(plan, engine, weights, inputs, pool);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const std::vector<Tensor> clear = evaluate(graph, weights, inputs, pool);
  double error = 0;
  for (std::int64_t k = 0; k < 10; ++k) {
    const double got = get(answer.outputs[0].view(), k), want = get(clear[0].view(), k);
    fmt::print("class {}: {:8.4f}, in the clear {:8.4f}\n", k, got, want);
    error = std::max(error, std::abs(got - want));
  }
  fmt::print("largest error {:.1e}, stated {:.1e}, in {:.1f} s with the keys\n", error,
             answer.error_bound, seconds.count());
  fmt::print("expected: every error at most its bound\n");
  if (!(error <= answer.error_bound)) throw std::runtime_error("an error exceeds its bound");
}

}  // namespace

int main() try {
  run();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
