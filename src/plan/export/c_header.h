// A plan as a C99 header (also valid C++), for firmware to include. docs/formats.md describes what
// is in it.
#pragma once

#include <string>
#include <string_view>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

// `network` is the name of the network's file: it is told in a comment, and names in the header
// begin with prefix_of(network). Throws Error{invalid} as ship() does, and for a network without
// operators.
std::string plan_to_c(const Problem& problem, const Plan& plan, std::string_view network);

}  // namespace pliant::plan
