#include "machine/torch/fuse.h"

namespace pliant::aten {

std::vector<Step> make_steps(const Graph& graph, const Options& options) {
  const bool half = options.precision == Precision::bf16;
  std::vector<Step> steps;
  for (const OpId id : graph.ops().ids()) steps.push_back(plain_step(graph, id, half));
  return steps;
}

}  // namespace pliant::aten
