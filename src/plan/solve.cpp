#include "plan/solve.h"

#include <fmt/format.h>

#include "core/error.h"
#include "plan/format/adjacent.h"
#include "plan/solve/phases.h"

namespace pliant::plan {
namespace {

void check_options(std::int64_t scratchpad_bytes, const SolveOptions& options) {
  if (scratchpad_bytes < 0)
    throw Error(ErrorKind::usage, "scratchpad size",
                fmt::format("{} is negative", scratchpad_bytes));
  if (options.alignment < 1)
    throw Error(ErrorKind::usage, "alignment", fmt::format("{} is below 1", options.alignment),
                "use 1 or more");
  if (options.limits.effort < 0)
    throw Error(ErrorKind::usage, "effort limit",
                fmt::format("{} is negative", options.limits.effort));
}

Plan too_small(const Problem& problem, std::int64_t bytes, const SolveOptions& options,
               const Required& required) {
  Plan plan;
  plan.scratchpad_bytes = bytes;
  plan.alignment = options.alignment;
  plan.costs = options.costs;
  plan.status = Status::infeasible;
  plan.bound_origin = fmt::format("operator '{}' needs {} bytes",
                                  problem.operators[required.op].name, required.bytes);
  return plan;
}

}  // namespace

Required required_size(const Problem& problem, std::int64_t alignment) {
  Required required;
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    const std::int64_t bytes = required_bytes(problem, op, alignment);
    if (required.op < 0 || bytes > required.bytes) required = {static_cast<OperatorId>(op), bytes};
  }
  return required;
}

Plan solve_within(Budget& budget, const Problem& problem, std::int64_t scratchpad_bytes,
                  const SolveOptions& options, ThreadPool& pool) {
  validate(problem);
  check_options(scratchpad_bytes, options);
  check_costs(problem, options.costs);
  check_alignment(problem, options.alignment);
  const Required required = required_size(problem, options.alignment);
  if (required.bytes > scratchpad_bytes)
    return too_small(problem, scratchpad_bytes, options, required);
  return plan_in_phases(Task(problem, scratchpad_bytes, options, budget, pool));
}

Plan solve(const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options,
           ThreadPool& pool) {
  Budget budget(options.limits);
  return solve_within(budget, problem, scratchpad_bytes, options, pool);
}

}  // namespace pliant::plan
