#include "cli/plan/solve_ilp.h"

#include "plan/ilp/ilp.h"

namespace pliant::cli {

plan::Plan solve_ilp(const plan::Problem& problem, std::int64_t scratchpad_bytes,
                     const plan::SolveOptions& options) {
  return plan::solve_by_ilp(problem, scratchpad_bytes,
                            {options.limits, options.alignment, options.costs})
      .plan;
}

}  // namespace pliant::cli
