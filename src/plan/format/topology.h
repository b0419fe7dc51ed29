// The order of a problem's operators; used by the reader.
#pragma once

#include <string_view>
#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

// A topological order that keeps the given one wherever it can. Throws what validate() throws, with
// `place`, but does not ask for the operators to stand in order.
std::vector<OperatorId> stable_order(const Problem& problem, std::string_view place);

}  // namespace pliant::plan
