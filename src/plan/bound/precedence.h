// Who has to run before whom in a problem.
#pragma once

#include <vector>

#include "plan/bound/bits.h"
#include "plan/format/problem.h"

namespace pliant::plan {

// Per operator, the set of operators that run before it in every order. Operators stand in
// topological order.
std::vector<Bitset> find_ancestors(const Problem& problem);

}  // namespace pliant::plan
