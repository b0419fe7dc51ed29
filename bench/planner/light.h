// The ONNX model zoo's light networks as planner problems: read, folded, grouped, one byte per
// element.
#pragma once

#include <string>
#include <vector>

#include "core/pool.h"
#include "plan/format/problem.h"

namespace pliant::bench {

struct LightProblem {
  std::string name;
  plan::Problem streamed;  // weights pass the scratchpad by
  plan::Problem weighted;  // weights take scratchpad space
};

extern const bool reads_onnx;  // whether this build can

// Reads light_*.onnx of `folder`, in the order of their names. Throws what the reader throws, and
// Error{not_found} for a network that is not there.
std::vector<LightProblem> light_problems(const std::string& folder, ThreadPool& pool);

}  // namespace pliant::bench
