// A graph prepared and run once.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "graph/views.h"
#include "machine/machine.h"

namespace pliant {

// rows: of a graph that may run short; 0: all. What a machine leaves unwritten of its arena is NaN.
inline std::vector<Tensor> run_once(Machine& machine, const std::shared_ptr<const Graph>& graph,
                                    const std::shared_ptr<const WeightStore>& weights,
                                    std::span<const TensorView> inputs, ThreadPool& pool,
                                    std::int64_t rows = 0) {
  const auto program = machine.prepare(graph, weights);
  Workspace workspace(program->need(), pool);
  std::ranges::fill(workspace.arena(), std::byte{0xFF});
  std::vector<Tensor> outputs;
  for (const ValueId id : graph->outputs()) {
    TensorType type = graph->value(id).type;
    if (rows > 0 && graph->value(id).rows) type.shape[0] = rows;
    outputs.emplace_back(type);
  }
  const std::vector<TensorView> out = views_of(outputs);
  program->run({inputs, out, rows, nullptr}, workspace);
  return outputs;
}

}  // namespace pliant
