// Plans and placements as memory maps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/place/place.h"
#include "report/memory_map.h"

namespace pliant::plan {

// Every residency and workspace, each with why it came and why it left, and all transfers. `sizes`:
// levels to draw beside the scratchpad's (M_R, M_P). Precondition: the plan is one of the
// problem's, with at least one operator.
report::MemoryMap map_of(const Problem& problem, const Plan& plan, const std::string& title,
                         const std::vector<report::MapLine>& sizes);

// A placed instance: no operators, no transfers. `offsets`: one per rectangle. Nothing to draw (no
// rectangle that is ever alive) gives a map of one empty step.
report::MemoryMap map_of(const place::Instance& instance, const std::vector<std::int64_t>& offsets,
                         std::int64_t capacity, const std::string& title);

}  // namespace pliant::plan
