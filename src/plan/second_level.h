// A second on-chip memory between the scratchpad and off-chip memory: which absences of a finished
// plan it takes.
#pragma once

#include <cstdint>

#include "core/pool.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/solve.h"

namespace pliant::plan {

struct SecondMemory {
  std::int64_t bytes = 0;  // > 0
  // of a byte moved either way between it and the scratchpad; 0 to both off-chip costs
  std::int64_t price = 0;
  bool operator==(const SecondMemory&) const = default;
};

// Gives `plan`, which has residencies and events, the absences that save most and have addresses:
// exact for up to 16 candidates unless the time ends or a placement stays undecided, the best found
// within a limit beyond. Sets plan.second_level but for its bound, which becomes 0, and leaves the
// rest alone. Throws Error{usage} for a size or price out of range, Error{invalid} for an overflow.
void split_absences(const Problem& problem, const SecondMemory& memory, const SolveOptions& options,
                    Plan& plan);

// solve() for the scratchpad, then split_absences, with a bound on the cost of every plan for both
// memories; the status is about that one. Answers without a plan are solve()'s. Throws what both
// throw.
Plan solve_second_level(const Problem& problem, std::int64_t scratchpad_bytes,
                        const SecondMemory& memory, const SolveOptions& options, ThreadPool& pool);

}  // namespace pliant::plan
