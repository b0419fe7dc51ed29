#include <numeric>

#include "plan/baseline/baseline.h"
#include "plan/solve/phases.h"

namespace pliant::plan {
namespace {

Schedule drop_everything(const Problem& problem, const std::vector<OperatorId>& order) {
  Schedule schedule = make_schedule(problem, order);
  TensorId id = 0;
  for (TensorUses& uses : schedule.uses) {
    for (std::size_t gap = 0; gap < uses.dropped.size(); ++gap)
      if (may_drop(problem, schedule, id, gap)) uses.dropped[gap] = true;
    ++id;
  }
  return schedule;
}

}  // namespace

Findings plan_simply(const Task& task) {
  std::vector<OperatorId> order(task.problem.operators.size());
  std::iota(order.begin(), order.end(), 0);
  Findings found;
  place_better(task, found, drop_everything(task.problem, order));
  if (const auto baseline = default_belady(task.problem, task.scratchpad_bytes))
    place_better(task, found, make_schedule(task.problem, order, baseline->leaves));
  return found;
}

}  // namespace pliant::plan
