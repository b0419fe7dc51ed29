// A plan without addresses: the order, and for each tensor the steps that need it with a decision
// for each gap between two of them: the tensor stays on chip, or it leaves right after the earlier
// step and is loaded at the later one. Loading earlier or leaving later never helps, with addresses
// either: shorter residencies overlap less.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/place/place.h"

namespace pliant::plan {

struct TensorUses {
  std::vector<Step> steps;    // creation first, then each consumer; ascending
  std::vector<bool> dropped;  // per gap between steps[i] and steps[i + 1]
};

struct Schedule {
  std::vector<OperatorId> order;
  std::vector<TensorUses> uses;  // per tensor of the problem
};

// nothing leaves
Schedule make_schedule(const Problem& problem, const std::vector<OperatorId>& order);

// Whether the tensor may leave in that gap: there is a copy already, or there is a step for the
// store (Eq. 1 and 3).
bool may_drop(const Problem& problem, const Schedule& schedule, TensorId tensor, std::size_t gap);
std::int64_t drop_price(const Problem& problem, const Schedule& schedule, TensorId tensor,
                        const Costs& costs);
std::int64_t cost_of(const Problem& problem, const Schedule& schedule, const Costs& costs);

// The residencies and workspaces as rectangles over steps, in a fixed sequence. A tensor written in
// place and the one it is written over share a rectangle.
struct Layout {
  struct Part {
    TensorId tensor = -1;  // -1: the workspace of its step
    Step from = 0, to = 0;
    std::size_t first_gap = 0;  // gaps [first_gap, last_gap) of the tensor lie inside
    std::size_t last_gap = 0;
    std::size_t rectangle = 0;  // index into rectangles
  };
  std::vector<Part> parts;
  std::vector<place::Rectangle> rectangles;
};

Layout lay_out(const Problem& problem, const Schedule& schedule);

struct Placing {
  std::int64_t scratchpad_bytes = 0;
  Costs costs;
  place::PlaceOptions options;        // of the first attempt
  std::int64_t repair_nodes = 5'000;  // of each further one
  std::int64_t most_nodes = 400'000;  // of all attempts together, about
};

// The order and what is given, nothing resident yet.
Plan begin_plan(const Schedule& schedule, const Placing& placing);

// A plan with addresses and events; status feasible, no bound. Precondition: offsets are of the
// layout's rectangles.
Plan make_plan(const Problem& problem, const Schedule& schedule, const Layout& layout,
               const std::vector<std::int64_t>& offsets, const Placing& placing);

struct Placed {
  std::optional<Plan> plan;
  bool repaired = false;   // tensors had to leave that the schedule keeps
  bool decided = true;     // false: a placement was given up, so a cheaper repair may exist
  std::int64_t nodes = 0;  // of all placements
};

// Places the schedule; where its rectangles do not fit together, lets one more tensor leave, the
// cheapest that takes part in the conflict, and tries again while the cost stays below `budget`.
Placed place_schedule(const Problem& problem, Schedule schedule, const Placing& placing,
                      std::int64_t budget);

}  // namespace pliant::plan
