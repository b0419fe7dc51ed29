// What a problem may say about results written over an input; used by validation.
#pragma once

#include <string_view>
#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

// Throws Error{invalid} for a pair that some order of the operators would make wrong. `order` is a topological one.
void check_in_place(const Problem& problem, const std::vector<OperatorId>& order, std::string_view place);

// ancestors[o] holds every operator that runs before o in each order.
std::vector<std::vector<bool>> find_ancestors(const Problem& problem, const std::vector<OperatorId>& order);

// Whether nobody needs the tensor after the operator has run, in any order: it is no output, and each other operator
// that reads it is an ancestor.
bool is_last_use(const Problem& problem, const std::vector<std::vector<bool>>& ancestors, TensorId tensor,
                 OperatorId op);

}  // namespace pliant::plan
