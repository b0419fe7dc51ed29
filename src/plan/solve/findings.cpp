#include "plan/solve/findings.h"

#include <algorithm>
#include <utility>

#include "plan/format/adjacent.h"
#include "plan/schedule/compact.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t placement_node_effort = 16, move_step_effort = 1'000;
// per placement: a plan that is harder is left to the next one
constexpr std::int64_t placement_nodes = 200'000;

// The schedule as it is, its tensors moved where they are in the way.
void place_moved(const Task& task, Findings& found, const Schedule& schedule,
                 const Placing& placing) {
  std::optional<Plan> plan = compact(task.problem, schedule, placing);
  task.budget.spend(std::ssize(schedule.order) * move_step_effort);
  if (plan && cost_of(*plan) < found.least_cost()) found.best = std::move(plan);
}

}  // namespace

Task::Task(const Problem& asked, std::int64_t bytes, const SolveOptions& how, Budget& limits,
           ThreadPool& threads)
    : problem(asked),
      scratchpad_bytes(bytes),
      options(how),
      budget(limits),
      pool(threads),
      model(make_model(asked, bytes, how.alignment, how.costs)),
      pressure(make_pressure(model)) {}

void Bound::raise_with_moves(std::int64_t least, std::string_view shown_by) {
  if (least < cost || (least == cost && !origin.empty())) return;
  cost = least;
  origin = shown_by;
}

void Bound::raise(std::int64_t least, std::string_view shown_by) {
  if (least < cost || (least == cost && !origin.empty())) return;
  traffic = least;
  raise_with_moves(least, shown_by);
}

bool is_done(const Task& task, const Findings& found) {
  return found.impossible || task.budget.over() ||
         (found.best && cost_of(*found.best) <= found.bound.cost);
}

bool is_order_done(const Task& task, const Findings& found) {
  return found.open.proven || is_done(task, found);
}

void report(const Task& task, const Findings& found) {
  if (!task.options.progress) return;
  SolveProgress progress{task.budget.deadline().seconds(), {}, found.bound.cost, 1, found.states};
  if (found.best) {
    const std::int64_t cost = cost_of(*found.best), bound = found.bound.cost;
    progress.incumbent = cost;
    progress.gap = cost > bound ? 1 - 1.0 * bound / cost : 0;
  }
  task.options.progress(progress);
}

Placing placing_for(const Task& task) {
  Placing placing;
  placing.scratchpad_bytes = task.scratchpad_bytes;
  placing.costs = task.options.costs;
  placing.options.alignment = task.options.alignment;
  placing.options.deadline = task.budget.deadline();
  return placing;
}

void place_better(const Task& task, Findings& found, const Schedule& schedule, std::int64_t most) {
  Placing placing = placing_for(task);
  placing.options.nodes = placement_nodes;
  Placed placed =
      place_schedule(task.problem, schedule, placing, std::min(found.least_cost(), most));
  task.budget.spend(placed.nodes * placement_node_effort);
  if (placed.plan) found.best = std::move(placed.plan);
  if (task.options.costs.move >= 0 && !has_adjacent(task.problem) &&
      (!placed.plan || placed.repaired))
    place_moved(task, found, schedule, placing);
  report(task, found);
}

void keep_schedule(const Task& task, Findings& found, Schedule schedule, std::int64_t cost) {
  found.open.cost = cost;
  place_better(task, found, schedule);
  found.open.schedule = std::move(schedule);
}

FluidAnswer search_orders(const Task& task, Findings& found, const FluidQuery& query) {
  FluidQuery asked = query;
  asked.rules = task.options.rules;
  asked.layer_done = [&, before = found.states](std::int64_t states) {
    found.states = before + states;
    report(task, found);
  };
  FluidAnswer answer = search_fluid(task.model, task.pressure, asked, task.budget, task.pool);
  if (!answer.complete)
    found.bound.raise(answer.bound,
                      "a limit cut the search; least traffic of any plan it had not finished");
  return answer;
}

}  // namespace pliant::plan
