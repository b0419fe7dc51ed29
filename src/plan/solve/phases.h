// The phases of solve(). Each takes what has been found and returns it, improved as far as the
// phase and the budget go.
#pragma once

#include "plan/solve/findings.h"

namespace pliant::plan {

// Two plans before any search: whatever may leave does (the plan of last resort), and the default
// order with Belady replacement, so that no answer is worse than that.
Findings plan_simply(const Task& task);

// The parts between cuts one by one, and bounds from their pieces, with at most half of what the
// limits leave; then windows over the best plan there is. docs/planner.md, section 6.
Findings plan_by_parts(const Task& task, Findings found);

// Narrow searches of orders and replacements, addresses left open: a good plan for the exact search
// to beat.
Findings search_narrowly(const Task& task, Findings found);

// Is there a cheaper plan, addresses left open? First as far as little work goes, then all the way,
// in rising steps, so that a limit finds a bound already proven.
Findings search_quickly(const Task& task, Findings found);
Findings search_exactly(const Task& task, Findings found);

// Precondition: found.open is proven. Many plans of its cost, for one that has addresses; then the
// search of all orders, replacements and addresses.
Findings find_addresses(const Task& task, Findings found);

// All of them, one after the other, and the plan that comes of it. Precondition: the largest
// operator fits.
Plan plan_in_phases(const Task& task);

}  // namespace pliant::plan
