#include <algorithm>
#include <utility>

#include "plan/bound/partition.h"
#include "plan/search/window.h"
#include "plan/solve/divide.h"
#include "plan/solve/phases.h"

namespace pliant::plan {
namespace {

constexpr std::string_view divided_origin = "sum over parts of the network";
constexpr int piece_depth = 8;  // pieces of pieces
constexpr std::size_t first_width = 16;

// With that share of what the limits leave.
Plan solve_part(const Task& whole, const Problem& part, double share) {
  SolveOptions options = whole.options;
  options.divide = options.divide_only = false;
  options.progress = nullptr;
  Budget budget = whole.budget.share(share);
  return plan_in_phases(Task(part, whole.scratchpad_bytes, options, budget, whole.pool));
}

std::vector<Problem> problems_of(std::vector<Subproblem> parts) {
  std::vector<Problem> problems;
  for (Subproblem& part : parts) problems.push_back(std::move(part.problem));
  return problems;
}

// Pieces whose optima add up to a bound: the parts between cuts, or two sides of what no cut
// divides. None where neither divides it.
std::vector<Problem> pieces_of(const Problem& problem) {
  std::vector<Problem> pieces = problems_of(divide(problem, false));
  std::size_t most = 0;
  for (const Problem& piece : pieces) most = std::max(most, piece.operators.size());
  if (most <= problem.operators.size() * 3 / 4) return pieces;
  const std::vector<bool> sides = find_partition(problem);
  if (sides.empty()) return {};
  return {side_of(problem, sides, true), side_of(problem, sides, false)};
}

// Runs `bound` for each piece with a share of that share by its operators; what one leaves unused
// goes to the next ones. Returns the sum.
template <typename BoundOf>
std::int64_t sum_of_bounds(const Task& whole, const std::vector<Problem>& pieces, double share,
                           BoundOf&& bound) {
  const auto effort_left = [&] { return 1.0 * whole.budget.effort_left(); };
  const auto seconds_left = [&] { return whole.budget.deadline().left(); };
  const double keep_effort = effort_left() * (1 - share),
               keep_seconds = seconds_left() * (1 - share);
  std::size_t ahead = 0;
  for (const Problem& piece : pieces) ahead += piece.operators.size();
  std::int64_t sum = 0;
  for (const Problem& piece : pieces) {
    const double own = 1.0 * piece.operators.size() / ahead;
    ahead -= piece.operators.size();
    const double left =
        std::min(1 - keep_effort / effort_left(), 1 - keep_seconds / seconds_left());
    if (whole.budget.over() || left <= 0) break;
    sum += bound(piece, left * own);
  }
  return sum;
}

std::int64_t bound_by_pieces(const Task& whole, const Problem& problem, double share, int depth);

std::int64_t bound_of_part(const Task& whole, const Problem& part, double share, int depth) {
  const Plan plan = solve_part(whole, part, depth == 0 ? share : share / 4);
  if (plan.status == Status::optimal || depth == 0) return bound_of(plan);
  return std::max(bound_of(plan), bound_by_pieces(whole, part, share / 2, depth - 1));
}

std::int64_t bound_by_pieces(const Task& whole, const Problem& problem, double share, int depth) {
  return sum_of_bounds(whole, pieces_of(problem), share, [&](const Problem& piece, double own) {
    return sum_of_bounds(whole, problems_of(divide(piece, true)), own,
                         [&](const Problem& part, double part_share) {
                           return bound_of_part(whole, part, part_share, depth);
                         });
  });
}

// A plan per part, as far as the limits go; raises the bound with each.
std::vector<Plan> solve_parts(const Task& task, const std::vector<Subproblem>& parts,
                              Bound& bound) {
  std::vector<Plan> plans;
  std::int64_t sum = 0;
  std::size_t ahead = task.problem.operators.size() * 2;
  for (const Subproblem& part : parts) {
    if (task.budget.over()) break;
    const double share = 1.0 * part.operators.size() / ahead;
    ahead -= std::min(ahead - 1, part.operators.size());
    plans.push_back(solve_part(task, part.problem, share));
    std::int64_t least = bound_of(plans.back());
    if (plans.back().status == Status::feasible)
      least = std::max(least, bound_by_pieces(task, part.problem, share / 4, piece_depth));
    sum += least;
    bound.raise(std::max(bound.cost, sum), divided_origin);
  }
  return plans;
}

void join_parts(const Task& task, Findings& found, const std::vector<Subproblem>& parts,
                const std::vector<Plan>& plans) {
  const auto planned = [](const Plan& plan) { return !plan.order.empty(); };
  if (plans.size() < parts.size() || !std::all_of(plans.begin(), plans.end(), planned)) return;
  Schedule whole = join(task.problem, parts, plans);
  const std::int64_t cost = cost_of(task.problem, whole, task.options.costs);
  if (cost < found.open.cost) keep_schedule(task, found, std::move(whole), cost);
  found.open.proven = found.open.cost <= found.bound.cost;
}

void bound_whole_by_pieces(const Task& task, Findings& found) {
  const std::int64_t least = bound_by_pieces(task, task.problem, 0.5, piece_depth);
  found.bound.raise(std::max(found.bound.cost, least), divided_origin);
  if (!task.options.divide_only) return;
  const FluidAnswer answer =
      search_orders(task, found, {.threshold = found.open.cost, .width = first_width});
  if (answer.plan)
    keep_schedule(task, found, make_schedule(task.problem, task.model, *answer.plan),
                  answer.plan->cost);
}

void improve_windows(const Task& task, Findings& found) {
  if (!found.open.schedule || is_order_done(task, found)) return;
  Improving how;
  how.scratchpad_bytes = task.scratchpad_bytes;
  how.alignment = task.options.alignment;
  how.costs = task.options.costs;
  how.rules = task.options.rules;
  how.bound = found.bound.cost;
  Schedule better = *found.open.schedule;
  if (improve_by_windows(task.problem, better, how, task.budget, task.pool) == 0) return;
  const std::int64_t cost = cost_of(task.problem, better, task.options.costs);
  keep_schedule(task, found, std::move(better), cost);
}

}  // namespace

Findings plan_by_parts(const Task& task, Findings found) {
  const std::vector<Subproblem> parts = divide(task.problem, true);
  if (parts.size() == 1) bound_whole_by_pieces(task, found);
  else join_parts(task, found, parts, solve_parts(task, parts, found.bound));
  improve_windows(task, found);
  return found;
}

}  // namespace pliant::plan
