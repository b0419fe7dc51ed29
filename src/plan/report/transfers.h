// What a plan moves, transfer by transfer.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct Transfer {
  Step step = 0;
  Action action = Action::load;
  TensorId tensor = 0;
  std::int64_t bytes = 0;
  bool compulsory = false;  // the first load of an input or weight, the store of an output
};

// The plan's events but for drops, in their order. The bytes of those that are not compulsory add
// up to plan.traffic_bytes.
std::vector<Transfer> transfers(const Problem& problem, const Plan& plan);

// Per operator of the problem: the bytes of its inputs, outputs and workspace, a result that may be
// written over an input not counted.
std::vector<std::int64_t> needed_bytes(const Problem& problem);

}  // namespace pliant::plan
