// What the planner answers: an operator order, and for each tensor the spans of steps during which
// it is in the scratchpad, each at one address; loads and stores between. Plain data, readable and
// writable as JSON.
//
// Semantics (COSMA, arXiv 2311.18246, Eq. 1-12). One operator per step; its inputs, outputs and
// workspace are resident together during its step. A LOAD happens before the operator of its step,
// a STORE after it, a DROP last. A tensor keeps its address during a residency; it may return
// elsewhere by a later load. A tensor that is stored to make room is absent for at least one step
// (Eq. 1 and 3); one that has an off-chip copy may be loaded again at the next step. So a load is
// at least two steps after the store it needs, and the store of an activation ends its residency. A
// result that the problem lets an operator write over an input may have that input's address: the
// input's residency ends and the result's begins at the operator's step, and only there do the two
// overlap. Where moves have a price, a tensor may change its address between two steps: its
// residency ends, the next one begins at the step after and with a MOVE in place of a load. The
// moves of a step come before its loads, in the order in which they stand; the destination of each
// is free of all that is resident then, but for its own source. Creating a tensor is free. The
// first load of an input or weight and the one store of an output are compulsory and never charged;
// everything else is traffic. An off-chip copy stays valid: a tensor is stored at most once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/format/objective.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct Residency {
  TensorId tensor = 0;
  Step from = 0, to = 0;     // inclusive
  std::int64_t address = 0;  // bytes from the start of the scratchpad
  bool operator==(const Residency&) const = default;
};

// The order of Plan::residencies.
inline bool starts_before(const Residency& a, const Residency& b) {
  return a.from != b.from ? a.from < b.from : a.tensor < b.tensor;
}

enum class Action : std::uint8_t { move, load, store, drop };

struct Event {
  Step step = 0;
  Action action = Action::load;
  TensorId tensor = 0;
  bool operator==(const Event&) const = default;
};

constexpr std::int64_t no_moves = -1;

// What a byte costs that is moved without being compulsory. By default a plan's cost is its
// traffic.
struct Costs {
  std::int64_t read = 1, write = 1;  // loaded, stored; 0 to most_cost, not both 0
  // moved on chip between two steps; 0 to most_cost where moves are allowed
  std::int64_t move = no_moves;
  bool operator==(const Costs&) const = default;
};
constexpr std::int64_t most_cost = 1'000'000;

// undecided: no plan is known, and none is ruled out.
enum class Status : std::uint8_t { optimal, feasible, infeasible, undecided };

// The steady state: a plan is one frame of many. Pinned weights lie at one address at all steps and
// are never loaded.
struct Frame {
  std::vector<TensorId> pinned;  // ascending
  std::int64_t bytes = 0;        // moved in a frame, compulsory or not
  // of the traffic and of the first loads of weights, which each frame repeats
  std::int64_t cost = 0;
  std::int64_t lower_bound_cost = 0;  // over all choices of pinned weights
  bool operator==(const Frame&) const = default;
};

// A second on-chip memory. The plan's events are what crosses the scratchpad's border; the absences
// listed here are spent in this memory and not off chip: the tensor is written when its residency
// ends, at the step before `from`, and read by the load at step `to`. An activation has all its
// absences here, and is then never stored off chip, or none.
struct SecondLevel {
  std::int64_t bytes = 0;              // its size
  std::int64_t price = 0;              // of a byte moved either way between it and the scratchpad
  std::vector<Residency> residencies;  // addresses in it; sorted by from, then tensor
  std::int64_t moved_bytes = 0;        // to it and back
  std::int64_t off_chip_bytes = 0;     // what is left of the traffic
  std::int64_t cost = 0;               // of both, and of moves within the scratchpad
  std::int64_t lower_bound_cost = 0;   // over all plans for both memories; what status is about
  bool operator==(const SecondLevel&) const = default;
};

struct Plan {
  std::int64_t scratchpad_bytes = 0;
  std::int64_t alignment = 1;          // every address is a multiple of it
  std::vector<OperatorId> order;       // order[step]
  std::vector<Residency> residencies;  // sorted by from, then tensor
  // sorted by step, then move < load < store < drop, then (but moves) tensor
  std::vector<Event> events;
  // address of the workspace of order[step]; 0 where there is none
  std::vector<std::int64_t> workspaces;
  Status status = Status::feasible;  // what the planner claims
  std::int64_t traffic_bytes = 0;    // non-compulsory loads + stores, without moves
  std::int64_t compulsory_bytes = 0;
  // on traffic_bytes, over all plans for this problem and scratchpad
  std::int64_t lower_bound_bytes = 0;
  std::string bound_origin;           // how the bound was proven; not empty when optimal
  Costs costs;                        // what the planner made least is cost_of(plan)
  std::int64_t cost = 0;              // with the default costs 0 here: the bytes say it
  std::int64_t lower_bound_cost = 0;  // on the cost; the same
  // what was made least is its cost then; the bounds above hold for its weights
  std::optional<Frame> frame;
  // the figures above are then those of the scratchpad's border
  std::optional<SecondLevel> second_level;
  bool operator==(const Plan&) const = default;
};

inline bool priced(const Plan& plan) { return plan.costs != Costs{}; }
inline std::int64_t cost_of(const Plan& plan) {
  return priced(plan) ? plan.cost : plan.traffic_bytes;
}
inline std::int64_t bound_of(const Plan& plan) {
  return priced(plan) ? plan.lower_bound_cost : plan.lower_bound_bytes;
}

// What the plan makes least: a frame's cost, that with a second level, the cost or the traffic.
// Always filled. Computed, not stored: a plan's file has each figure once, in the field of its
// kind, and a copy could differ from it.
Objective objective_of(const Plan& plan);

// Sets both bounds. `traffic`, a bound on the cost of loads and stores alone (where nothing moves,
// `cost` is one), is one on their bytes too: none costs more than the dearer price.
void set_bound(Plan& plan, std::int64_t cost, std::int64_t traffic);
inline void set_bound(Plan& plan, std::int64_t cost) { set_bound(plan, cost, cost); }

// Throws Error{usage} for costs out of range, Error{invalid} when the problem's bytes at these
// costs could overflow.
void check_costs(const Problem& problem, const Costs& costs);

// JSON (docs/formats.md) holds the problem's names, so that a plan can be read beside the network
// it is for. Reading throws Error{format} for broken text and Error{invalid} for names the problem
// lacks; it does not check the plan.
std::string plan_to_json(const Problem& problem, const Plan& plan);
Plan plan_from_json(const Problem& problem, std::string_view text, std::string_view place);

// Residencies fix the events: this derives them, the two traffic sums and the cost. A load at each
// start that is not a creation; a drop at each end; an output's store at the step that creates it;
// another computed tensor's store at the end of its first residency if it has a second one; moves
// as format/moves.h says. Needs order, residencies (sorted) and ids in range; throws Error{invalid}
// for an id or step out of range.
void derive_events(const Problem& problem, Plan& plan);

std::string_view name(Action action);
std::string_view name(Status status);

}  // namespace pliant::plan
