#include <algorithm>
#include <utility>

#include "plan/format/adjacent.h"
#include "plan/search/addressed.h"
#include "plan/solve/phases.h"

namespace pliant::plan {
namespace {

constexpr std::string_view addressed_origin = "search of all orders, replacements and addresses";
// the latter after a quick search with addresses
constexpr std::uint64_t few_variants = 8, most_variants = 400;
constexpr std::int64_t variants_effort = 20'000'000, quick_effort = 2'000'000;
constexpr std::size_t variant_width = 128;

// A bound on the plans without moves, made one on all: the others pay for a move beside the fluid
// optimum.
std::int64_t with_moves(const Task& task, const Findings& found, std::int64_t bound) {
  if (task.options.costs.move < 0) return bound;
  std::int64_t least = INT64_MAX;
  for (const Tracked& t : task.model.tracked) least = std::min(least, t.bytes);
  if (least == INT64_MAX) return bound;  // nothing stays for two steps
  return std::min(bound, found.open.cost + least * task.options.costs.move);
}

// Other plans of the fluid optimum's cost, for one that can be placed: of the first ones also by
// letting more leave; of many, only one that needs no more is of use.
void try_variants(const Task& task, Findings& found, std::uint64_t first, std::uint64_t last) {
  const std::int64_t before = task.budget.spent();
  for (std::uint64_t variety = first; variety <= last && !is_done(task, found); ++variety) {
    if (task.budget.spent() - before > variants_effort) return;
    const FluidAnswer answer = search_orders(
        task, found,
        {.threshold = found.open.cost + 1, .width = variant_width, .variety = variety});
    if (!answer.plan) continue;
    place_better(task, found, make_schedule(task.problem, task.model, *answer.plan),
                 first == 1 ? INT64_MAX : found.open.cost + 1);
  }
}

// The optimum with addresses.
void place_optimum(const Task& task, Findings& found, const Schedule& schedule) {
  const std::int64_t cost = cost_of(task.problem, schedule, task.options.costs);
  found.bound.raise_with_moves(with_moves(task, found, cost), addressed_origin);
  Placed placed = place_schedule(task.problem, schedule, placing_for(task), found.least_cost());
  if (placed.plan) found.best = std::move(placed.plan);
}

// Level by level: is there a plan with addresses of at most this cost?
void search_addresses(const Task& task, Findings& found, std::int64_t most_effort) {
  Budget budget = task.budget.part(most_effort);
  AddressedQuery query{task.options.rules, task.scratchpad_bytes, task.options.alignment};
  query.rules.free_operators = query.rules.waiting = false;
  for (std::int64_t level = found.bound.cost; !is_done(task, found);) {
    const std::int64_t most = found.least_cost();
    query.threshold = level < most ? level + 1 : most;
    const AddressedAnswer answer =
        search_addressed(task.problem, task.model, task.pressure, query, budget, task.pool);
    found.states += answer.states;
    report(task, found);
    if (!answer.complete) return;
    if (answer.schedule) return place_optimum(task, found, *answer.schedule);
    level = std::min(answer.next, most);
    const std::int64_t bound = with_moves(task, found, level);
    found.bound.raise_with_moves(bound, addressed_origin);
    found.impossible = level == INT64_MAX && bound == INT64_MAX;
    if (level == most) return;
  }
}

}  // namespace

// Small problems are decided at once; in others a plan is likelier among many of the fluid
// optimum's cost.
Findings find_addresses(const Task& task, Findings found) {
  try_variants(task, found, 1, few_variants);
  // the search knows neither
  const bool searched = !has_in_place(task.problem) && !has_adjacent(task.problem);
  if (searched && !is_done(task, found)) search_addresses(task, found, quick_effort);
  try_variants(task, found, few_variants + 1, most_variants);
  if (searched && !is_done(task, found)) search_addresses(task, found, INT64_MAX);
  return found;
}

}  // namespace pliant::plan
