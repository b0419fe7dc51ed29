// A graph on the simulator or the engine beside the reference evaluator.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "graph/reference/reference.h"
#include "machine/encrypted/einsum/simulator/simulator.h"
#include "machine/encrypted/graph/run.h"

namespace pliant::encrypted {

struct Sample {
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  WeightStore weights;
};

// Uniform in [-1, 1].
inline Sample sample(const Graph& graph, std::uint64_t seed) {
  Rng rng(seed);
  Sample result;
  for (const ValueId id : graph.inputs()) {
    result.inputs.emplace_back(graph.value(id).type);
    fill_uniform(result.inputs.back().view(), rng, -1, 1);
    result.views.push_back(result.inputs.back().view());
  }
  for (const Value& value : graph.values()) {
    if (value.role != Role::weight) continue;
    Tensor weight(value.type);
    fill_uniform(weight.view(), rng, -1, 1);
    result.weights.add(value.name, std::move(weight));
  }
  return result;
}

struct Compared {
  double difference = 0, bound = 0;
};
inline Compared compare(const GraphPlan& plan, const Graph& graph, const Sample& sample,
                        einsum::Backend& backend) {
  ThreadPool pool(1);
  const std::vector<Tensor> want = evaluate(graph, sample.weights, sample.views, pool);
  const einsum::Decrypted got = run(plan, backend, sample.weights, sample.views, pool);
  Compared result{0, got.error_bound};
  for (std::size_t o = 0; o < want.size(); ++o) {
    EXPECT_EQ(want[o].type().shape, got.outputs[o].type().shape);
    for (std::int64_t e = 0; e < elements(want[o].type().shape); ++e) {
      const double here = std::abs(get(want[o].view(), e) - get(got.outputs[o].view(), e));
      if (!(here <= result.difference)) result.difference = here;
    }
  }
  return result;
}

// Equal to what f32 rounds.
inline void expect_exact(const Graph& graph, const std::set<std::string>& secret,
                         const GraphOptions& options = {.slots = 256}) {
  const Sample drawn = sample(graph, 1);
  const GraphPlan planned = plan(graph, secret, {}, options);
  einsum::Simulator simulator({.slots = options.slots, .levels = planned.plan.levels()});
  const Compared compared = compare(planned, graph, drawn, simulator);
  EXPECT_LT(compared.difference, 1e-5) << explain(planned.plan);
}

}  // namespace pliant::encrypted
