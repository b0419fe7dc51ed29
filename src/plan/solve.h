// The planner: the operator order, which tensors leave the scratchpad and when, and every address,
// together, with the least traffic, or the least cost where bytes have prices; proven, or with an
// honest bound. docs/planner.md has the method and why each rule is exact.
#pragma once

#include <cstdint>
#include <vector>

#include "core/pool.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/solve/options.h"

namespace pliant::plan {

// The plan of least traffic for a scratchpad of that size. Always an answer:
//   optimal proven; bound_origin says how feasible the best plan found before a limit, with the
//   bound reached infeasible no plan exists; bound_origin names the operator and the bytes it
//   needs, or says that no addresses exist undecided a limit came before any plan was found (order
//   and residencies are empty)
// Every plan returned has passed the checker. The answer is the same at every thread count unless a
// time limit or stop cut in. Throws Error{invalid} for a broken problem or one whose costs could
// overflow, Error{usage} for options out of range.
Plan solve(const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options,
           ThreadPool& pool);

// The same within a budget that others share, in place of the options' limits; what it spends is
// the budget's to say.
Plan solve_within(Budget& budget, const Problem& problem, std::int64_t scratchpad_bytes,
                  const SolveOptions& options, ThreadPool& pool);

// An operator whose own tensors and workspace, side by side, take the most bytes (M_R); op is -1
// without operators.
struct Required {
  OperatorId op = -1;
  std::int64_t bytes = 0;
};
Required required_size(const Problem& problem, std::int64_t alignment);

// The paper's three sizes; costs play no part in them. Between M_R and M_P traffic can be traded
// for memory; below M_R nothing runs, and from M_P on the least traffic is 0.
struct ScratchpadSizes {
  Required required;  // M_R
  // M_P: least peak of live bytes over all orders; the upper bound while not exact
  std::int64_t peak = 0;
  std::int64_t peak_lower = 0;  // equal to peak when exact
  bool peak_exact = false;
  std::int64_t half = 0;               // M_H: their mean, rounded down
  std::vector<OperatorId> peak_order;  // an order whose live bytes never exceed `peak`
};
ScratchpadSizes scratchpad_sizes(const Problem& problem, const SolveOptions& options,
                                 ThreadPool& pool);

// The scheduler by itself: the order and addresses that need the smallest scratchpad without any
// traffic. The plan's scratchpad_bytes is that size and the objective's value; no plan without
// traffic fits in less than its bound.
struct LeastMemory {
  Plan plan;
  Objective objective;  // of peak bytes
};
LeastMemory least_memory(const Problem& problem, const SolveOptions& options, ThreadPool& pool);

}  // namespace pliant::plan
