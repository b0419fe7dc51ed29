#include "cli/plan/solve_ilp.h"

#include "plan/ilp/ilp.h"

namespace pliant::cli {

plan::Plan solve_ilp(const plan::Problem& problem, std::int64_t scratchpad_bytes, const plan::SolveOptions& options) {
  const plan::IlpOptions ilp{options.time_limit_s, options.alignment, options.costs, options.memory_limit_bytes,
                             options.stop};
  return plan::solve_by_ilp(problem, scratchpad_bytes, ilp).plan;
}

}  // namespace pliant::cli
