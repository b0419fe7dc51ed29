// Which operators run as one step with a forward and a backward pass of its own.
#pragma once

#include "machine/torch/plan.h"

namespace pliant::aten {

std::vector<Step> make_steps(const Graph& graph, const Options& options);

}  // namespace pliant::aten
