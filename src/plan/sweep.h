// Least traffic against scratchpad size: the same problem planned at many sizes, beside the simple
// methods.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/baseline/baseline.h"
#include "plan/solve.h"

namespace pliant::plan {

struct BaselineTraffic {
  std::string name;
  std::optional<std::int64_t> traffic_bytes;  // nothing: no addresses were found
  // cost_of() the plan: with the default costs its traffic
  std::int64_t cost = 0;
  bool operator==(const BaselineTraffic&) const = default;
};

struct SweepPoint {
  std::int64_t scratchpad_bytes = 0;
  Status status = Status::undecided;
  std::int64_t traffic_bytes = 0;  // of the plan, if status says there is one
  std::int64_t lower_bound_bytes = 0;
  Objective objective;
  std::vector<BaselineTraffic> baselines;  // the four of baselines()
  bool has_plan() const { return status == Status::optimal || status == Status::feasible; }
};

// `count` sizes from low to high, both included, evenly apart, rounded up to the alignment; fewer
// where some would be equal. Preconditions: 0 < low <= high, count >= 1 (one: low alone).
std::vector<std::int64_t> spread_sizes(std::int64_t low, std::int64_t high, std::int64_t count,
                                       std::int64_t alignment);

// `count` sizes worth a look: evenly from M_R to M_P, and the last one as far above M_P again (at
// least a sixteenth of it), where nothing is left to save. Precondition: count >= 2.
std::vector<std::int64_t> sweep_sizes(const ScratchpadSizes& sizes, std::int64_t count,
                                      std::int64_t alignment);

struct SweepWork {
  std::vector<OperatorId> peak_order;       // of the baselines: ScratchpadSizes::peak_order
  SolveOptions options;                     // of the baselines; its `stop` ends the sweep
  std::function<Plan(std::int64_t)> solve;  // the plan for a size
  // called before each size with the number of those done; may be empty
  std::function<void(std::size_t)> progress;
};

// One point per size, in that order. Once options.limits.stop is true it ends with the points that
// are finished: what a solve cut short has found is left out.
std::vector<SweepPoint> sweep(const Problem& problem, const std::vector<std::int64_t>& sizes,
                              const SweepWork& work);

}  // namespace pliant::plan
