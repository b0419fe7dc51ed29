// How to search for a plan, and what is told on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "plan/format/plan.h"
#include "plan/search/limits.h"
#include "plan/search/rules.h"

namespace pliant::plan {

struct SolveProgress {
  double seconds = 0;
  std::optional<std::int64_t> incumbent;  // cost of the best plan so far: its traffic by default
  std::int64_t bound = 0;                 // no plan costs less
  double gap = 1;                         // (incumbent - bound) / incumbent; 0 when proven
  std::int64_t states = 0;                // search states kept so far
};

struct SolveOptions {
  Limits limits;
  std::int64_t alignment = 1;  // every address is a multiple of it; >= 1
  Costs costs;                 // of the bytes moved; the plan of least cost is wanted
  Rules rules;
  bool beam = true;  // look for good plans by narrow searches first
  // solve the parts between cuts when one search of all orders does not end quickly
  bool divide = true;
  bool divide_only = false;  // nothing but that, and windows of the plan it gives
  std::function<void(const SolveProgress&)>
      progress;  // called from the solving thread, between layers
};

}  // namespace pliant::plan
