// Nothing the planner finds leaves it before the independent checker has accepted it.
#pragma once

#include "plan/format/plan.h"

namespace pliant::plan {

// Throws Error{invalid} with the checker's reason: a defect of the planner, not of its input.
void require_valid(const Problem& problem, const Plan& plan);

}  // namespace pliant::plan
