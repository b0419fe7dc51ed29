// What simple methods pay, for scale: a given order, and when space is short some resident tensor
// leaves. The paper's four baselines are two orders with two such rules in an arena with addresses;
// a fluid one leaves addresses open, so it pays no more than an allocator would.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time/deadline.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/schedule/schedule.h"

namespace pliant::plan {

struct Departure {
  TensorId tensor = 0;
  Step back = 0;  // the step that loads it again
};

// The order with those tensors leaving after the use before `back`.
Schedule make_schedule(const Problem& problem, const std::vector<OperatorId>& order,
                       const std::vector<Departure>& leaves);

struct Baseline {
  std::int64_t traffic_bytes = 0;  // non-compulsory
  std::int64_t stored_bytes = 0;   // of these
  std::vector<Departure> leaves;
  std::int64_t cost(const Costs& costs) const {
    return (traffic_bytes - stored_bytes) * costs.read + stored_bytes * costs.write;
  }
};

// Default order, Belady, fluid. Nothing when an operator does not fit.
std::optional<Baseline> default_belady(const Problem& problem, std::int64_t scratchpad_bytes);

// Who leaves. belady: whose next use is furthest away, one after the other until there is room.
// greedy: at each step the set that makes room at the least cost (stores and later loads), exactly,
// as a local integer program.
enum class Replacement : std::uint8_t { belady, greedy };

struct ArenaOptions {
  std::int64_t alignment = 1;      // every address is a multiple of it; >= 1
  Costs costs;                     // of the bytes moved
  Deadline deadline = Deadline();  // of placing; then there is none
};

struct ArenaPlan {
  Plan plan;  // checked; status feasible, bound 0
  // false: the arena got stuck, so the exact allocator placed the rule's choices
  bool best_fit = false;
};

// The order run step by step in a linear arena: what is new at a step goes, largest first, into the
// smallest gap that holds it; where none does, more tensors leave. An arena may get stuck between
// two tensors that cannot leave; then the rule runs without addresses and the exact allocator
// places what it chose. Nothing when that fails as well.
std::optional<ArenaPlan> plan_in_arena(const Problem& problem, const std::vector<OperatorId>& order,
                                       Replacement replacement, std::int64_t scratchpad_bytes,
                                       const ArenaOptions& options);

struct NamedBaseline {
  std::string name;  // default-belady, default-greedy, minpeak-belady, minpeak-greedy
  std::optional<ArenaPlan> plan;
};

// All four. `peak_order`: an order of least peak (ScratchpadSizes::peak_order).
std::vector<NamedBaseline> baselines(const Problem& problem,
                                     const std::vector<OperatorId>& peak_order,
                                     std::int64_t scratchpad_bytes, const ArenaOptions& options);

}  // namespace pliant::plan
