// The joint search with explicit addresses: exact where the fluid optimum cannot be placed. Far
// more states than the fluid search; meant for small problems and for the last bytes of a gap.
#pragma once

#include <cstdint>
#include <optional>

#include "core/pool.h"
#include "plan/bound/model.h"
#include "plan/schedule/schedule.h"
#include "plan/search/layer.h"

namespace pliant::plan {

struct AddressedQuery {
  // free operators do not apply: the exchange behind them ignores addresses
  Rules rules;
  std::int64_t scratchpad_bytes = 0;  // as given: the highest end of any tensor
  std::int64_t alignment = 1;
  std::int64_t threshold = INT64_MAX;  // only plans that cost less are wanted
};

struct AddressedAnswer {
  std::optional<Schedule> schedule;  // the cheapest below the threshold; it can be placed
  // `schedule` is optimal, or nothing costs less than the threshold
  bool complete = false;
  // when complete without a schedule: no plan costs less; INT64_MAX: there is none
  std::int64_t next = INT64_MAX;
  std::int64_t states = 0, bytes = 0;
};

AddressedAnswer search_addressed(const Problem& problem, const ScheduleModel& model,
                                 const Pressure& pressure, const AddressedQuery& query,
                                 Budget& budget, ThreadPool& pool);

}  // namespace pliant::plan
