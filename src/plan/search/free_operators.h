// Operators that cannot make a plan worse where they stand, and such that had better wait: see
// docs/planner.md, "Free operators".
#pragma once

#include "plan/search/layer.h"

namespace pliant::plan {

// Whether the operator had better wait: it needs nothing planned, and each of its consumers waits
// for others yet.
bool must_wait(const Expansion& expansion, const Bitset& done, OperatorId op);

// Fills group.forced.
void find_forced(const Expansion& expansion, StateGroup& group);

}  // namespace pliant::plan
