#include "cli/plan/export.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "plan/export/c_header.h"
#include "plan/export/shipment.h"
#include "plan/export/tflm.h"

namespace pliant::cli {
namespace {

// TFLM runs operators as they stand in the model.
void warn_of_order(const plan::Problem& problem, const plan::Plan& plan,
                   const Invocation& context) {
  for (std::size_t step = 0; step < plan.order.size(); ++step) {
    if (std::cmp_equal(plan.order[step], step)) continue;
    context.log.warning(
        fmt::format("--export-tflm: the plan runs '{}' where the network's own order has '{}': the "
                    "model's operators must be put into the plan's order (--out), or the tensors "
                    "overlap",
                    problem.operators[plan.order[step]].name, problem.operators[step].name));
    return;
  }
}

plan::TflmPlan tflm_within(const plan::Problem& problem, const plan::Plan& plan,
                           std::optional<std::int64_t> capacity) {
  plan::TflmPlan tflm = plan::plan_for_tflm(problem, plan);
  if (capacity && tflm.arena_bytes > *capacity)
    throw Error(ErrorKind::unsupported, "--export-tflm",
                fmt::format("needs an arena of {} B: TFLM holds all inputs from the start and all "
                            "outputs to the end",
                            tflm.arena_bytes),
                "give a larger --scratchpad, or --minimize peak");
  return tflm;
}

}  // namespace

void check_export(const ExportOptions& options) {
  const std::size_t dot = options.header.rfind('.');
  const std::string ending = dot == std::string::npos ? "" : options.header.substr(dot);
  if (!options.header.empty() && ending != ".h" && ending != ".hpp" && ending != ".hh")
    throw Error(ErrorKind::usage, "--export",
                fmt::format("'{}' does not end in .h", options.header),
                "it writes a C header; --export-tflm writes TensorFlow Lite Micro's buffer, --out "
                "the plan as JSON");
}

ExportReport export_plan(const ExportOptions& options, const plan::Problem& problem,
                         const plan::Plan& plan, const std::string& network,
                         std::optional<std::int64_t> capacity, const Invocation& context) {
  std::string header, buffer;
  ExportReport report;
  if (!options.header.empty()) {
    header = plan::plan_to_c(problem, plan, network);
    report.spill_bytes = plan::ship(problem, plan).spill_bytes;
  }
  if (!options.tflm.empty()) {
    const plan::TflmPlan tflm = tflm_within(problem, plan, capacity);
    buffer = plan::tflm_buffer(tflm);
    report.tflm_arena_bytes = tflm.arena_bytes;
    warn_of_order(problem, plan, context);
  }
  if (!options.header.empty()) write_file(report.header = options.header, header);
  if (!options.tflm.empty()) write_file(report.tflm = options.tflm, buffer);
  return report;
}

}  // namespace pliant::cli
