// What a simple method pays, for scale: the default order, and when space is short the resident tensor whose next use
// is furthest away leaves (Belady). Fluid: addresses are left open, so a real allocator of this kind pays at least as
// much.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

struct Baseline {
  struct Leave {
    TensorId tensor = 0;
    Step back = 0;  // the step that loads it again
  };
  std::int64_t traffic_bytes = 0;  // non-compulsory
  std::vector<Leave> leaves;
};

// Nothing when an operator does not fit.
std::optional<Baseline> default_belady(const Problem& problem, std::int64_t scratchpad_bytes);

}  // namespace pliant::plan
