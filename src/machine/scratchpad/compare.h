// A plan shown to be true: run in an arena, and beside it a run without limits.
#pragma once

#include <cstdint>
#include <vector>

#include "machine/scratchpad/execute.h"

namespace pliant::scratchpad {

struct Comparison {
  bool outputs_equal = false;
  std::int64_t traffic_bytes = 0, compulsory_bytes = 0, loads = 0, stores = 0, highest_byte = 0;
  std::int64_t second_level_bytes = 0;  // moved to and from it
  // run one after the other; the figures are those of the last
  int frames = 1;
};

// Runs the plan once per frame, each with contents of its own; all but the inputs are the same.
// Throws Error{invalid} when the plan cannot be executed or its counted bytes differ from its
// claim.
Comparison compare_with_unlimited(const plan::Problem& problem, const plan::Plan& plan,
                                  Operators& operators, const std::vector<Contents>& frames);

}  // namespace pliant::scratchpad
