// What is asked and what has been found so far: each phase of solve() takes both and returns the
// findings, better ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/pool.h"
#include "plan/bound/model.h"
#include "plan/bound/pressure.h"
#include "plan/schedule/schedule.h"
#include "plan/search/fluid.h"
#include "plan/solve/options.h"

namespace pliant::plan {

// Borrows all that it is made of.
struct Task {
  Task(const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options,
       Budget& budget, ThreadPool& pool);

  const Problem& problem;
  std::int64_t scratchpad_bytes;
  const SolveOptions& options;
  Budget& budget;
  ThreadPool& pool;
  ScheduleModel model;
  Pressure pressure;
};

// No plan costs less.
struct Bound {
  std::int64_t cost = 0;
  std::int64_t traffic = 0;  // of it, what is about loads and stores alone
  std::string origin;        // how it was shown

  void raise(std::int64_t least, std::string_view shown_by);
  // `least` is about moves on chip as well
  void raise_with_moves(std::int64_t least, std::string_view shown_by);
};

// The cheapest plan with its addresses left open.
struct OpenPlan {
  std::int64_t cost = INT64_MAX;
  std::optional<Schedule> schedule;  // of that cost
  bool proven = false;               // none costs less
};

struct Findings {
  std::optional<Plan> best;  // with addresses
  Bound bound;
  OpenPlan open;
  bool impossible = false;  // no plan has addresses
  std::int64_t states = 0;  // search states kept so far

  std::int64_t least_cost() const { return best ? cost_of(*best) : INT64_MAX; }
};

// Nothing is left to find, or a limit came.
bool is_done(const Task& task, const Findings& found);
// The same, or the order is settled: what is left is a matter of addresses.
bool is_order_done(const Task& task, const Findings& found);

void report(const Task& task, const Findings& found);

Placing placing_for(const Task& task);

// Looks for addresses. A plan that costs less than the best one, and less than `most`, takes its
// place.
void place_better(const Task& task, Findings& found, const Schedule& schedule,
                  std::int64_t most = INT64_MAX);

// A schedule that costs less than `found.open`: keeps it there and looks for addresses.
void keep_schedule(const Task& task, Findings& found, Schedule schedule, std::int64_t cost);

// One search with addresses left open, by the rules of the options; where a limit cuts it short,
// the bound it reached is kept.
FluidAnswer search_orders(const Task& task, Findings& found, const FluidQuery& query);

}  // namespace pliant::plan
