#include "search/profile/profile.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/log/progress.h"
#include "machine/native/native.h"
#include "models/elasticvit/subnet.h"
#include "models/elasticvit/tensors.h"
#include "search/windows.h"

namespace pliant::search {
namespace {

constexpr int runs = 4;  // in a round

// Small, and of one sign where they are scales or variances: no run meets infinities.
std::shared_ptr<const WeightStore> any_weights(const elasticvit::Space& space, Rng& rng) {
  auto store = std::make_shared<WeightStore>();
  for (const auto& [name, tensor] : supernet_tensors(space)) {
    Tensor values({DType::f32, tensor.shape});
    if (tensor.shape.size() == 1) fill_uniform(values.view(), rng, 0.5, 1.5);
    else fill_uniform(values.view(), rng, -0.05, 0.05);
    store->add(name, std::move(values));
  }
  return store;
}

double milliseconds(const Program& program, const std::vector<TensorView>& inputs,
                    const std::vector<TensorView>& outputs, Workspace& workspace) {
  const Clock clock = workspace.pool().threads() == 1 ? processor_clock() : steady_clock();
  double least = HUGE_VAL;
  for (int i = 0; i < runs; ++i) {
    const double begin = clock();
    program.run({inputs, outputs, 0, nullptr}, workspace);
    least = std::min(least, clock() - begin);
  }
  return 1000 * least;
}

double time_once(const elasticvit::Space& space, const elasticvit::Architecture& architecture,
                 const std::shared_ptr<const WeightStore>& weights, ThreadPool& pool, Rng& rng) {
  const auto graph = std::make_shared<const Graph>(subnet_graph(space, architecture));
  native::Machine machine(pool);
  const auto program = machine.prepare(graph, weights);
  Workspace workspace(program->need(), pool);
  const Tensor image(graph->value(graph->inputs()[0]).type),
      logits(graph->value(graph->outputs()[0]).type);
  fill_uniform(image.view(), rng, -1, 1);
  return milliseconds(*program, {image.view()}, {logits.view()}, workspace);
}

// One of about that cost: from the narrowest window, of a few widths, that holds a subnet.
elasticvit::Architecture near(const Windows& windows, double cost, Rng& rng) {
  for (double width = 1.05;; width *= width) {
    try {
      return windows.within(cost / width, cost * width).draw(rng);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
  }
}

std::vector<Timed> spread(const elasticvit::Space& space, std::int64_t count, Rng& rng) {
  const Flops flops(space);
  const Windows windows(flops);
  std::vector<Timed> subnets;
  for (std::int64_t i = 0; i < count; ++i) {
    const double part = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    const double cost = windows.least() * std::pow(windows.most() / windows.least(), part);
    subnets.push_back({near(windows, cost, rng), HUGE_VAL});
  }
  return subnets;
}

}  // namespace

std::vector<Timed> profile(const elasticvit::Space& space, ThreadPool& pool,
                           const ProfileOptions& options) {
  Rng rng(options.seed);
  const std::shared_ptr<const WeightStore> weights = any_weights(space, rng);
  std::vector<Timed> subnets = spread(space, options.subnets, rng);
  std::int64_t done = 0;
  for (int round = 0; round < options.rounds; ++round)
    for (Timed& each : subnets) {
      if (options.go_on && !options.go_on(done))
        throw Error(ErrorKind::cancelled, "profile",
                    "ended before every subnet had been timed often enough");
      each.milliseconds =
          std::min(each.milliseconds, time_once(space, each.architecture, weights, pool, rng));
      ++done;
    }
  return subnets;
}

}  // namespace pliant::search
