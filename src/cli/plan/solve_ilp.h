// The integer program as a solver, where this build has CBC.
#pragma once

#include <cstdint>

#include "plan/format/plan.h"
#include "plan/solve.h"

namespace pliant::cli {

// Heeds the time limit and the alignment of the options. Throws Error{unsupported} in a build
// without CBC.
plan::Plan solve_ilp(const plan::Problem& problem, std::int64_t scratchpad_bytes,
                     const plan::SolveOptions& options);

}  // namespace pliant::cli
