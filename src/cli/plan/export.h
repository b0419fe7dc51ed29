// A plan written for firmware: the C header and TensorFlow Lite Micro's buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "command/verb.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::cli {

struct ExportOptions {
  std::string header, tflm;  // paths; empty: not asked for
  bool any() const { return !header.empty() || !tflm.empty(); }
};

struct ExportReport {
  std::string header, tflm;  // paths of what was written
  std::int64_t spill_bytes = 0, tflm_arena_bytes = 0;
};

// throws Error{usage} for a header that is not named as one
void check_export(const ExportOptions& options);

// Writes what is asked for. `network` names the network; `capacity` is what TFLM's arena may take,
// if that was given. Warns where TFLM would run the operators in another order. Throws
// Error{unsupported} for a plan that TFLM's format cannot say, before anything is written.
ExportReport export_plan(const ExportOptions& options, const plan::Problem& problem,
                         const plan::Plan& plan, const std::string& network,
                         std::optional<std::int64_t> capacity, const Invocation& context);

}  // namespace pliant::cli
