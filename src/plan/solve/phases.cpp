#include "plan/solve/phases.h"

#include <algorithm>
#include <utility>

#include "plan/schedule/verify.h"

namespace pliant::plan {
namespace {

constexpr std::size_t long_problem = 1000;  // operators from which the parts come before the whole

Findings search_all(const Task& task) {
  const SolveOptions& options = task.options;
  const bool parts_first =
      options.divide_only || (options.divide && task.problem.operators.size() >= long_problem);
  Findings found = plan_simply(task);
  if (parts_first) found = plan_by_parts(task, std::move(found));
  if (options.divide_only) return found;
  if (options.beam && !is_order_done(task, found)) found = search_narrowly(task, std::move(found));
  if (!is_order_done(task, found)) found = search_quickly(task, std::move(found));
  if (options.divide && !parts_first && !is_order_done(task, found))
    found = plan_by_parts(task, std::move(found));
  if (!is_order_done(task, found)) found = search_exactly(task, std::move(found));
  if (found.open.proven) {
    found.bound.raise(found.open.cost,
                      "search of all orders and replacements, addresses left open");
    if (!is_done(task, found)) found = find_addresses(task, std::move(found));
  }
  return found;
}

Plan plan_of(const Task& task, Findings found) {
  Plan plan = std::move(*found.best);
  set_bound(plan, std::min(found.bound.cost, cost_of(plan)), found.bound.traffic);
  plan.status = bound_of(plan) == cost_of(plan) ? Status::optimal : Status::feasible;
  plan.bound_origin = plan.traffic_bytes == 0 ? "no traffic"
                      : cost_of(plan) == 0    ? "no cost"
                                              : found.bound.origin;
  require_valid(task.problem, plan);
  return plan;
}

Plan no_plan(const Task& task, const Findings& found) {
  Plan plan;
  plan.scratchpad_bytes = task.scratchpad_bytes;
  plan.alignment = task.options.alignment;
  plan.costs = task.options.costs;
  set_bound(plan, found.bound.cost, found.bound.traffic);
  plan.status = found.impossible ? Status::infeasible : Status::undecided;
  plan.bound_origin =
      found.impossible ? "no order has addresses for all its tensors" : found.bound.origin;
  return plan;
}

}  // namespace

Plan plan_in_phases(const Task& task) {
  Findings found = search_all(task);
  return found.best ? plan_of(task, std::move(found)) : no_plan(task, found);
}

}  // namespace pliant::plan
