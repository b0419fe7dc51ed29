// 7: a classifier of two layers that never sees what it classifies.
//
//   example-07_private_classifier
//
// Trains a small network in the clear, by plain gradient descent on noisy 8x8 pictures of ten
// shapes, then classifies 64 new pictures that are encrypted. The activation, SiLU, is no sum of
// products: it becomes a polynomial on the range that its operand was observed to have. Every
// encrypted picture has to get the class that the network gives it in the clear.
#include <fmt/format.h>

#include <algorithm>
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

constexpr std::int64_t kPixels = 64, kHidden = 32, kClasses = 10, kBatch = 64;
using Numbers = std::vector<double>;

struct Pictures {
  Numbers pixels;  // kPixels of each
  std::vector<std::int64_t> classes;
};

// Each class is a random shape; each picture of it has noise added to half of its contrast.
Pictures draw(std::int64_t count, const Numbers& shapes, Rng& rng) {
  Pictures result;
  for (std::int64_t p = 0; p < count; ++p) {
    result.classes.push_back(rng.below(kClasses));
    for (std::int64_t i = 0; i < kPixels; ++i) {
      const double pixel = .5 * shapes[result.classes.back() * kPixels + i] + .25 * rng.normal();
      result.pixels.push_back(std::clamp(pixel, -1.0, 1.0));
    }
  }
  return result;
}

// Two layers; y = second * silu(first * x + bias).
struct Network {
  Numbers first = Numbers(kHidden * kPixels), bias = Numbers(kHidden),
          second = Numbers(kClasses * kHidden);

  explicit Network(Rng& rng) {
    for (double& w : first) w = rng.normal() / std::sqrt(kPixels);
    for (double& w : second) w = rng.normal() / std::sqrt(kHidden);
  }

  // One step down the gradient of the cross-entropy of one picture.
  void learn(const double* x, std::int64_t wanted, double rate) {
    double h[kHidden], slope[kHidden], y[kClasses], back[kHidden] = {};
    for (std::int64_t j = 0; j < kHidden; ++j) {
      double sum = bias[j];
      for (std::int64_t i = 0; i < kPixels; ++i) sum += first[j * kPixels + i] * x[i];
      const double sigmoid = 1 / (1 + std::exp(-sum));
      h[j] = sum * sigmoid;
      slope[j] = sigmoid * (1 + sum * (1 - sigmoid));
    }
    double total = 0;
    for (std::int64_t k = 0; k < kClasses; ++k) {
      y[k] = 0;
      for (std::int64_t j = 0; j < kHidden; ++j) y[k] += second[k * kHidden + j] * h[j];
      total += y[k] = std::exp(y[k]);
    }
    for (std::int64_t k = 0; k < kClasses; ++k) {
      const double error = y[k] / total - (k == wanted ? 1 : 0);
      for (std::int64_t j = 0; j < kHidden; ++j) {
        back[j] += error * second[k * kHidden + j];
        second[k * kHidden + j] -= rate * error * h[j];
      }
    }
    for (std::int64_t j = 0; j < kHidden; ++j) {
      const double error = rate * back[j] * slope[j];
      bias[j] -= error;
      for (std::int64_t i = 0; i < kPixels; ++i) first[j * kPixels + i] -= error * x[i];
    }
  }

  WeightStore weights() const {
    WeightStore store;
    store.add("first", Tensor::of(DType::f32, {kHidden, kPixels}, first));
    store.add("bias", Tensor::of(DType::f32, {kHidden}, bias));
    store.add("second", Tensor::of(DType::f32, {kClasses, kHidden}, second));
    return store;
  }
};

// The same network as a graph, for a batch.
Graph graph_of_network() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {kBatch, kPixels}}),
                first = b.weight("first", {DType::f32, {kHidden, kPixels}}),
                bias = b.weight("bias", {DType::f32, {kHidden}}),
                second = b.weight("second", {DType::f32, {kClasses, kHidden}});
  const ValueId sum =
      b.map(argument(0) + argument(1), {b.einsum("bi,oi->bo", {x, first}), bias}, {}, "sum");
  const ValueId hidden = b.map(apply(Fn::silu, {argument(0)}), {sum}, {}, "hidden");
  b.output(b.einsum("bi,oi->bo", {hidden, second}, "scores"));
  return b.finish();
}

std::int64_t best_class(const TensorView& scores, std::int64_t picture) {
  std::int64_t best = 0;
  for (std::int64_t k = 1; k < kClasses; ++k)
    if (get(scores, picture * kClasses + k) > get(scores, picture * kClasses + best)) best = k;
  return best;
}

void run() {
  Rng rng(3);
  Numbers shapes;
  for (std::int64_t i = 0; i < kClasses * kPixels; ++i)
    shapes.push_back(rng.below(2) == 0 ? -1 : 1);
  const Pictures known = draw(500, shapes, rng), secret = draw(kBatch, shapes, rng);
  Network network(rng);
  for (int epoch = 0; epoch < 5; ++epoch)
    for (std::size_t p = 0; p < known.classes.size(); ++p)
      network.learn(&known.pixels[p * kPixels], known.classes[p], .02);

  // What each value can be is observed on pictures that may be seen, and widened by a fifth.
  const Graph graph = graph_of_network();
  const WeightStore weights = network.weights();
  ThreadPool pool(1);
  const Tensor seen =
      Tensor::of(DType::f32, {kBatch, kPixels},
                 Numbers(known.pixels.begin(), known.pixels.begin() + kBatch * kPixels));
  const std::vector<std::vector<TensorView>> samples{{seen.view()}};
  encrypted::Ranges ranges = encrypted::observe_ranges(graph, weights, samples, .2, pool);
  ranges["x"] = {-1, 1};

  // What the weights do to errors is known too, where their shapes alone would say far more.
  const encrypted::GraphPlan plan =
      encrypted::plan(graph, {"x"}, ranges,
                      {.slots = 4096,
                       .approximation = .01,
                       .gains = encrypted::observe_gains(graph, weights, {"x"}, pool)});
  for (const std::string& reason : plan.plan.reasons) fmt::print("{}\n", reason);
  fmt::print("{}\n", to_string(counts(plan.plan.program)));
  const ckks::Params params = einsum::choose_parameters(plan.plan);
  fmt::print("{}\n\n", describe(params));

  einsum::Engine engine(params, plan.plan.program.slots);
  const Tensor x = Tensor::of(DType::f32, {kBatch, kPixels}, secret.pixels);
  const std::vector<TensorView> inputs{x.view()};
  const einsum::Decrypted answer = encrypted::run(plan, engine, weights, inputs, pool);
  const std::vector<Tensor> clear = evaluate(graph, weights, inputs, pool);
  std::int64_t right = 0, equal = 0;
  double error = 0;
  for (std::int64_t p = 0; p < kBatch; ++p) {
    const std::int64_t got = best_class(answer.outputs[0].view(), p);
    right += got == secret.classes[p];
    equal += got == best_class(clear[0].view(), p);
    for (std::int64_t k = p * kClasses; k < (p + 1) * kClasses; ++k)
      error = std::max(error, std::abs(get(answer.outputs[0].view(), k) - get(clear[0].view(), k)));
  }
  fmt::print("{} of {} pictures classified as in the clear, {} of them rightly\n", equal, kBatch,
             right);
  fmt::print("largest error {:.1e}, stated {:.1e}\nexpected: all as in the clear\n", error,
             answer.error_bound);
  if (equal != kBatch || error > answer.error_bound)
    throw std::runtime_error("the encrypted network differs");
}

}  // namespace

int main() try {
  run();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
