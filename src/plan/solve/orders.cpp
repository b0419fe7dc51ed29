#include <algorithm>
#include <array>
#include <utility>

#include "plan/solve/phases.h"

namespace pliant::plan {
namespace {

constexpr std::array<std::size_t, 3> beam_widths{16, 128, 1024};
constexpr std::int64_t quick_states = 300'000;
constexpr std::int64_t steps_of_proof = 32;  // the first one asks for that part of what is open

void keep_plan(const Task& task, Findings& found, const FluidAnswer& answer) {
  if (answer.plan)
    keep_schedule(task, found, make_schedule(task.problem, task.model, *answer.plan),
                  answer.plan->cost);
}

// Is there a cheaper plan below the threshold? One that is found there is optimal.
void search_below(const Task& task, Findings& found, std::int64_t threshold,
                  std::int64_t most_states) {
  const FluidAnswer answer =
      search_orders(task, found, {.threshold = threshold, .most_states = most_states});
  keep_plan(task, found, answer);
  found.open.proven = answer.complete && (answer.plan || threshold == found.open.cost);
  if (answer.complete && !found.open.proven)
    found.bound.raise(answer.bound, "search of all cheaper orders and replacements");
}

}  // namespace

Findings search_narrowly(const Task& task, Findings found) {
  for (const std::size_t width : beam_widths) {
    if (is_order_done(task, found)) break;
    const FluidAnswer answer =
        search_orders(task, found, {.threshold = found.open.cost, .width = width});
    keep_plan(task, found, answer);
    found.open.proven = answer.complete;
  }
  return found;
}

Findings search_quickly(const Task& task, Findings found) {
  search_below(task, found, found.open.cost, quick_states);
  return found;
}

Findings search_exactly(const Task& task, Findings found) {
  for (std::int64_t part = steps_of_proof; part >= 1 && !is_order_done(task, found); part /= 2) {
    const std::int64_t least = found.bound.cost, most = found.open.cost;
    if (most == INT64_MAX && part > 1) continue;
    search_below(task, found,
                 part == 1 ? most : least + std::max<std::int64_t>(1, (most - least) / part),
                 INT64_MAX);
  }
  return found;
}

}  // namespace pliant::plan
