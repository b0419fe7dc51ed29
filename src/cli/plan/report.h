// What `pliant plan` says about a plan, for people and for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/network/subject.h"
#include "cli/plan/export.h"
#include "machine/scratchpad/compare.h"
#include "plan/baseline/baseline.h"
#include "plan/device.h"
#include "plan/format/plan.h"
#include "plan/solve.h"
#include "plan/sweep.h"

namespace pliant::cli {

enum class Goal : std::uint8_t { traffic, peak };
enum class Solver : std::uint8_t { exact, divide, ilp };

struct ExecutionReport : scratchpad::Comparison {
  std::string kernels;  // "native" or "hash"
};

struct PlanReport {
  const NetworkSubject* subject = nullptr;
  std::string path, size_name;  // "MR" where that was asked for
  plan::Plan plan;
  // of the plan, or of the peak where that is minimised
  plan::Objective objective;
  std::optional<plan::Required> shortage;      // an operator that does not fit
  std::optional<plan::Baseline> baseline;      // default order with Belady replacement
  std::vector<plan::NamedBaseline> baselines;  // when asked for
  std::optional<plan::ScratchpadSizes> sizes;  // where a report or a sweep needs them
  std::vector<plan::SweepPoint> sweep;         // when asked for
  std::optional<plan::Device> device;
  std::optional<ExecutionReport> execution;
  double seconds = 0;
  std::string written, drawn;  // paths of the plan's file and picture
  std::optional<ExportReport> exported;

  bool has_plan() const {
    return plan.status == plan::Status::optimal || plan.status == plan::Status::feasible;
  }
};

std::string status_text(const PlanReport& report);  // "optimal (search of ...)"
nlohmann::ordered_json to_json(const PlanReport& report);
void print(std::ostream& out, const PlanReport& report);

}  // namespace pliant::cli
