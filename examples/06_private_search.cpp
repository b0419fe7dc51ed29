// 6: the nearest of 10,000 vectors to a query that nobody may see.
//
//   example-06_private_search
//
// A server has 10,000 vectors of 64 numbers, in the clear: faces, songs, paragraphs, as some
// network describes them. A client has one more and wants to know which is nearest, without showing
// it. It encrypts the query; the server computes all 10,000 inner products on what it cannot read;
// the client decrypts them and looks for the largest. All vectors have length 1, so that the
// largest inner product belongs to the nearest vector.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <stdexcept>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/graph/run.h"

namespace {

using namespace pliant;

constexpr std::int64_t kVectors = 10'000, kSize = 64;

// Random directions.
Tensor directions(std::int64_t count, Rng& rng) {
  Tensor result({DType::f32, {count, kSize}});
  fill_normal(result.view(), rng, 1);
  const auto numbers = result.span<float>();
  for (std::int64_t v = 0; v < count; ++v) {
    const auto one = numbers.subspan(v * kSize, kSize);
    double length = 0;
    for (const float x : one) length += x * x;
    for (float& x : one) x = static_cast<float>(x / std::sqrt(length));
  }
  return result;
}

// Near the vector `of`: what is to be found.
Tensor near(const Tensor& vectors, std::int64_t of, Rng& rng) {
  Tensor query({DType::f32, {kSize}});
  const auto from = vectors.span<float>().subspan(of * kSize, kSize);
  for (std::int64_t i = 0; i < kSize; ++i)
    query.span<float>()[i] = static_cast<float>(.8 * from[i] + .05 * rng.normal());
  return query;
}

Graph search_graph() {
  Builder builder;
  const ValueId query = builder.input("query", {DType::f32, {kSize}});
  const ValueId vectors = builder.weight("vectors", {DType::f32, {kVectors, kSize}});
  builder.output(builder.einsum("nd,d->n", {vectors, query}, "products"));
  return builder.finish();
}

std::int64_t largest(const TensorView& view) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < elements(view.type.shape); ++i)
    if (get(view, i) > get(view, best)) best = i;
  return best;
}

void run() {
  Rng rng(7);
  constexpr std::int64_t wanted = 4321;
  const Tensor vectors = directions(kVectors, rng), query = near(vectors, wanted, rng);

  // The plan is made from shapes and ranges alone: client and server both make it, and agree.
  const Graph graph = search_graph();
  const encrypted::GraphPlan plan = encrypted::plan(graph, {"query"}, {{"products", {-1, 1}}});
  fmt::print("{}\n", to_string(counts(plan.plan.program)));

  // One process plays both here. The parameters are the smallest that are secure for this plan.
  const ckks::Params params = einsum::choose_parameters(plan.plan);
  fmt::print("{}\n\n", describe(params));
  einsum::Engine engine(params, plan.plan.program.slots);
  WeightStore store;
  store.add("vectors", vectors.copy());
  ThreadPool pool(1);
  const auto start = std::chrono::steady_clock::now();
  const einsum::Decrypted answer =
      encrypted::run(plan, engine, store, std::vector<TensorView>{query.view()}, pool);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  double error = 0;
  for (std::int64_t v = 0; v < kVectors; ++v) {
    double product = 0;
    for (std::int64_t i = 0; i < kSize; ++i)
      product += double{vectors.span<float>()[v * kSize + i]} * query.span<float>()[i];
    error = std::max(error, std::abs(product - get(answer.outputs[0].view(), v)));
  }
  fmt::print("keys, encryption, {} inner products, decryption: {:.1f} s\n", kVectors,
             seconds.count());
  fmt::print("largest error {:.1e}, stated {:.1e}; nearest is vector {}, expected {}\n", error,
             answer.error_bound, largest(answer.outputs[0].view()), wanted);
  if (error > answer.error_bound || largest(answer.outputs[0].view()) != wanted)
    throw std::runtime_error("the answer is wrong");
}

}  // namespace

int main() try {
  run();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
