// What `pliant plan` is told about the device's memory beyond its size: prices, a second level, and
// what stays from frame to frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command/options.h"
#include "plan/device.h"
#include "plan/format/plan.h"
#include "plan/second_level.h"

namespace pliant::cli {

struct CostOptions {
  std::optional<std::int64_t> read_cost, write_cost, move_cost;
  bool steady_state = false;
  std::string second_level;
  std::optional<std::int64_t> second_cost;
};

std::vector<Option> cost_table(CostOptions& options);

// Each from its option, else from the device, else the default. Throws Error{usage} for costs out
// of range and for an option that contradicts the device.
plan::Costs costs_of(const CostOptions& options, const std::optional<plan::Device>& device);

// The second level, if there is one. Throws Error{usage} for a size or cost out of range and for a
// cost without a size.
std::optional<plan::SecondMemory> second_memory_of(const CostOptions& options,
                                                   const plan::Costs& costs);

}  // namespace pliant::cli
