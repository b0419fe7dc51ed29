// Frame after frame: weights that stay in the scratchpad for good are loaded once and never again,
// the others in every frame. Which to pin, and the cheapest plan for a frame beside them.
// docs/planner.md, "Steady state".
#pragma once

#include <cstdint>

#include "core/pool.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/solve.h"

namespace pliant::plan {

// The plan of one frame with the least frame cost (Plan::frame is set): all loads of weights, first
// ones too, and the other traffic. Answers and limits as solve(); `optimal` is about the frame
// cost, the other bounds about plans with the same pinned weights. Throws what solve() throws, and
// Error{usage} for a problem without weights to pin.
Plan solve_steady(const Problem& problem, std::int64_t scratchpad_bytes,
                  const SolveOptions& options, ThreadPool& pool);

}  // namespace pliant::plan
