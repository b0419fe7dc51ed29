// The joint search of operator order and replacement in the fluid model: at each step the bytes on
// chip must not exceed the scratchpad; where they lie is left open. Its optimum is a lower bound
// for every plan with addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/pool.h"
#include "plan/bound/model.h"
#include "plan/schedule/schedule.h"
#include "plan/search/layer.h"

namespace pliant::plan {

struct FluidPlan {
  std::vector<OperatorId> order;
  std::vector<std::vector<std::int32_t>> evicted;  // per step: tracked tensors that leave before it
  std::int64_t cost = 0;
};

struct FluidQuery {
  Rules rules = {};
  std::int64_t threshold = INT64_MAX;  // only plans that cost less are wanted
  // states kept per layer; 0: all, which makes the answer exact
  std::size_t width = 0;
  // another value finds another plan of the same cost, if there are several
  std::uint64_t variety = 0;
  std::int64_t most_states = INT64_MAX;  // kept in all layers
  std::function<void(std::int64_t states)> layer_done = [](std::int64_t) {};
};

struct FluidAnswer {
  std::optional<FluidPlan> plan;  // the cheapest below the threshold among the states kept
  // nothing was cut off: `plan` is optimal, or nothing costs less than the threshold
  bool complete = false;
  std::int64_t bound = 0;              // no plan costs less (at most the threshold)
  std::int64_t states = 0, bytes = 0;  // states kept in all layers; peak memory of the search
};

// The plan's order, with the tensors that leave before a step dropped in the gap that holds it.
Schedule make_schedule(const Problem& problem, const ScheduleModel& model, const FluidPlan& fluid);

FluidAnswer search_fluid(const ScheduleModel& model, const Pressure& pressure,
                         const FluidQuery& query, Budget& budget, ThreadPool& pool);

}  // namespace pliant::plan
