// Improving a plan piece by piece: the steps of a window are planned anew, exactly, between the
// states in which the plan enters and leaves it.
#pragma once

#include <cstdint>

#include "core/pool.h"
#include "plan/schedule/schedule.h"
#include "plan/search/limits.h"
#include "plan/search/rules.h"

namespace pliant::plan {

struct Improving {
  std::int64_t scratchpad_bytes = 0;
  std::int64_t alignment = 1;
  Costs costs;
  Rules rules;
  std::int64_t bound = 0;  // at this cost nothing is left to gain
};

// Rounds of windows, each half over the one before it and cut where few bytes are alive, until a
// round gains nothing or a limit comes. Addresses are left open. Returns the number of windows that
// were improved.
int improve_by_windows(const Problem& problem, Schedule& schedule, const Improving& how,
                       Budget& budget, ThreadPool& pool);

}  // namespace pliant::plan
