// Addresses by moving: a schedule run step by step, in which what is in the way of a new tensor is
// pushed together.
#pragma once

#include <optional>

#include "plan/schedule/schedule.h"

namespace pliant::plan {

// The schedule at addresses, at the cost of as few moves as three simple rules of placing find;
// nothing where rounding to the alignment leaves no room. Needs Placing::costs.move >= 0. Status
// feasible, no bound.
std::optional<Plan> compact(const Problem& problem, const Schedule& schedule,
                            const Placing& placing);

}  // namespace pliant::plan
