// Composite kinds in terms of core kinds.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"

namespace pliant {

// Builds the core operators that compute the composite `op` on `operands` (values of `builder`),
// under op.name as their scope, and gives the results, named `result_names`. f16 and bf16 are
// widened to f32 in between.
std::vector<ValueId> decompose(Builder& builder, const Op& op, const std::vector<ValueId>& operands,
                               const std::vector<std::string>& result_names);

}  // namespace pliant
