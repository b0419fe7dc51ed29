// The page of a plan: what it moves beside other methods, its memory map, traffic against
// scratchpad size, a device's time and energy, and tables.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/baseline/baseline.h"
#include "plan/device.h"
#include "plan/solve.h"
#include "plan/sweep.h"
#include "report/chart.h"
#include "report/memory_map.h"
#include "report/table.h"

namespace pliant::plan {

struct Executed {  // the plan was run
  bool outputs_equal = false;
  std::string detail;
};

struct PlanPage {
  const Problem* problem = nullptr;  // both outlive the page
  const Plan* plan = nullptr;        // with at least one operator
  std::string network;               // its name
  std::string size_name;             // "MR" where the size was asked for by name
  std::string status;                // what is proven, in words
  std::optional<ScratchpadSizes> sizes;
  // the default order with Belady replacement, addresses open
  std::optional<Baseline> default_belady;
  std::vector<NamedBaseline> baselines;
  std::vector<SweepPoint> sweep;  // empty: none
  std::optional<Device> device;
  Work work;
  std::optional<Executed> executed;
};

std::string plan_page(const PlanPage& page);

// The levels worth a line: M_R and M_P where they are known.
std::vector<report::MapLine> size_lines(const std::optional<ScratchpadSizes>& sizes);

// `priced`: what the plans make least is a cost, not bytes; the chart then shows it, the table as
// well.
report::LineChart sweep_chart(const std::vector<SweepPoint>& points,
                              const std::optional<ScratchpadSizes>& sizes,
                              std::int64_t chosen_bytes, bool priced);
report::Table sweep_table(const std::vector<SweepPoint>& points, bool priced);

// A map and a few words.
std::string map_page(const report::MemoryMap& map, const std::vector<std::string>& notes);

}  // namespace pliant::plan
