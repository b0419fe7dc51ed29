#include "cli/plan/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command/print.h"
#include "core/log/progress.h"
#include "plan/report/page.h"

namespace pliant::cli {
namespace {

const plan::Operator& op_of(const PlanReport& report, plan::OperatorId id) {
  return report.subject->problem().operators[id];
}

plan::Estimate estimate_of(const PlanReport& report) {
  return plan::estimate(*report.device, report.subject->problem(), report.plan,
                        report.subject->work);
}

nlohmann::ordered_json estimate_json(const PlanReport& report) {
  const plan::Estimate e = estimate_of(report);
  return {{"device", report.device->name},
          {"transfers", e.transfers},
          {"transferred_bytes", e.transferred_bytes},
          {"operations", report.subject->work.operations},
          {"transfer_s", e.transfer_s},
          {"compute_s", e.compute_s},
          {"serial_s", e.serial_s},
          {"overlapped_s", e.overlapped_s},
          {"energy_j", e.energy_j}};
}

nlohmann::ordered_json execution_json(const ExecutionReport& execution) {
  nlohmann::ordered_json json{{"kernels", execution.kernels},
                              {"outputs_equal", execution.outputs_equal},
                              {"traffic_bytes", execution.traffic_bytes},
                              {"compulsory_bytes", execution.compulsory_bytes},
                              {"loads", execution.loads},
                              {"stores", execution.stores},
                              {"highest_byte", execution.highest_byte}};
  if (execution.frames > 1) json["frames"] = execution.frames;
  return json;
}

// Results that the problem lets be written over an input.
std::int64_t in_place_pairs(const PlanReport& report) {
  std::int64_t pairs = 0;
  for (const plan::Operator& op : report.subject->problem().operators)
    pairs += static_cast<std::int64_t>(op.in_place.size());
  return pairs;
}

std::int64_t pinned_bytes(const PlanReport& report) {
  std::int64_t bytes = 0;
  for (const plan::TensorId t : report.plan.frame->pinned)
    bytes += report.subject->problem().tensors[t].bytes;
  return bytes;
}

std::int64_t weight_bytes(const PlanReport& report) {
  std::int64_t bytes = 0;
  for (const plan::TensorInfo& tensor : report.subject->problem().tensors)
    if (tensor.role == plan::Role::weight) bytes += tensor.bytes;
  return bytes;
}

std::int64_t zero_copy_concats(const PlanReport& report) {
  if (!report.subject->network) return 0;
  const auto& parts = report.subject->mapping.parts_of;
  return std::count_if(parts.begin(), parts.end(), [](const auto& each) { return !each.empty(); });
}

void print_network(std::ostream& out, const PlanReport& report) {
  const plan::Problem& problem = report.subject->problem();
  std::int64_t bytes = 0;
  for (const plan::TensorInfo& tensor : problem.tensors) bytes += tensor.bytes;
  std::string text =
      fmt::format("{}: {} operators, {} tensors, {}", report.path, problem.operators.size(),
                  problem.tensors.size(), bytes_text(bytes));
  if (report.subject->network && !report.subject->network->opaque.empty())
    text += fmt::format(", {} opaque", report.subject->network->opaque.size());
  if (const std::int64_t concats = zero_copy_concats(report); concats > 0)
    text += fmt::format(", {} concats without copies", concats);
  if (report.subject->tiles > 0) text += fmt::format(", {} bands", report.subject->tiles);
  if (const std::int64_t pairs = in_place_pairs(report); pairs > 0)
    text += fmt::format(", {} in place", pairs);
  print_line(out, "network", text);
}

bool is_peak(const PlanReport& report) { return report.objective.of == plan::Measure::peak_bytes; }

// The plan's; of the peak, its own.
plan::Status status_of(const PlanReport& report) {
  if (!is_peak(report)) return report.plan.status;
  return report.objective.proven() ? plan::Status::optimal : plan::Status::feasible;
}

std::string feasible_text(const plan::Objective& objective) {
  return fmt::format(
      "feasible, not proven: {}at least {}{}{}, gap {:.1f} %",
      objective.of == plan::Measure::second_level_cost ? "with the second level " : "",
      grouped_text(objective.bound), objective.is_bytes() ? " B" : "",
      objective.of == plan::Measure::frame_cost ? " per frame" : "",
      100 * gap(objective.value, objective.bound));
}

void print_baseline(std::ostream& out, const PlanReport& report) {
  if (!report.baseline) return;
  const std::int64_t cost = report.baseline->cost(report.plan.costs);
  std::string text = fmt::format("default order with Belady replacement: {}{}", grouped_text(cost),
                                 plan::priced(report.plan) ? "" : " B");
  const std::int64_t saved = cost - plan::cost_of(report.plan);
  if (saved > 0)
    text += fmt::format(", of which this plan saves {:.1f} %",
                        100.0 * static_cast<double>(saved) / static_cast<double>(cost));
  print_line(out, "", text);
}

void print_cost(std::ostream& out, const PlanReport& report) {
  const plan::Plan& plan = report.plan;
  if (!plan::priced(plan)) return;
  print_line(out, "cost",
             fmt::format("{} at {} per byte loaded and {} per byte stored", grouped_text(plan.cost),
                         plan.costs.read, plan.costs.write));
}

void print_second_level(std::ostream& out, const PlanReport& report) {
  if (!report.plan.second_level) return;
  const plan::SecondLevel& level = *report.plan.second_level;
  print_line(out, "level 2",
             fmt::format("{} B left off chip, {} B moved to and from {}; cost {}",
                         grouped_text(level.off_chip_bytes), grouped_text(level.moved_bytes),
                         exact_bytes(level.bytes), grouped_text(level.cost)));
}

nlohmann::ordered_json second_level_json(const plan::SecondLevel& level) {
  return {{"bytes", level.bytes},
          {"price", level.price},
          {"absences", level.residencies.size()},
          {"moved_bytes", level.moved_bytes},
          {"off_chip_bytes", level.off_chip_bytes},
          {"cost", level.cost},
          {"lower_bound_cost", level.lower_bound_cost}};
}

void print_frame(std::ostream& out, const PlanReport& report) {
  if (!report.plan.frame) return;
  const plan::Frame& frame = *report.plan.frame;
  print_line(out, "frame",
             fmt::format("{} B moved in each, cost {}; {} weights stay, {} of {} B",
                         grouped_text(frame.bytes), grouped_text(frame.cost), frame.pinned.size(),
                         grouped_text(pinned_bytes(report)), grouped_text(weight_bytes(report))));
}

std::string compared_text(const PlanReport& report, const plan::NamedBaseline& baseline) {
  if (!baseline.plan) return fmt::format("{:<15} no addresses found", baseline.name);
  const std::int64_t cost = plan::cost_of(baseline.plan->plan);
  std::string text = fmt::format("{:<15} {:>15}{}", baseline.name, grouped_text(cost),
                                 plan::priced(report.plan) ? "" : " B");
  if (cost > 0)
    text +=
        fmt::format(", this plan {:.3f} of it",
                    static_cast<double>(plan::cost_of(report.plan)) / static_cast<double>(cost));
  return text + (baseline.plan->best_fit ? "" : "; its arena got stuck: placed exactly");
}

void print_baselines(std::ostream& out, const PlanReport& report) {
  bool first = true;
  for (const plan::NamedBaseline& baseline : report.baselines) {
    print_line(out, first ? "compare" : "", compared_text(report, baseline));
    first = false;
  }
}

nlohmann::ordered_json baselines_json(const PlanReport& report) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [name, plan] : report.baselines) {
    list.push_back(
        {{"name", name},
         {"traffic_bytes", plan ? nlohmann::ordered_json(plan->plan.traffic_bytes) : nullptr},
         {"placement",
          plan ? nlohmann::ordered_json(plan->best_fit ? "best-fit" : "exact") : nullptr}});
    if (plan && plan::priced(plan->plan)) list.back()["cost"] = plan->plan.cost;
  }
  return list;
}

nlohmann::ordered_json sweep_json(const std::vector<plan::SweepPoint>& points, bool priced) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const plan::SweepPoint& point : points) {
    nlohmann::ordered_json traffic, baselines = nlohmann::ordered_json::array();
    if (point.has_plan()) traffic = point.traffic_bytes;
    for (const plan::BaselineTraffic& each : point.baselines) {
      baselines.push_back(
          {{"name", each.name},
           {"traffic_bytes",
            each.traffic_bytes ? nlohmann::ordered_json(*each.traffic_bytes) : nullptr}});
      if (priced && each.traffic_bytes) baselines.back()["cost"] = each.cost;
    }
    nlohmann::ordered_json entry{{"scratchpad_bytes", point.scratchpad_bytes},
                                 {"status", plan::name(point.status)},
                                 {"traffic_bytes", traffic},
                                 {"lower_bound_bytes", point.lower_bound_bytes}};
    if (priced && point.has_plan()) entry["cost"] = point.objective.value;
    if (priced) entry["lower_bound_cost"] = point.objective.bound;
    entry["baselines"] = baselines;
    list.push_back(std::move(entry));
  }
  return list;
}

void print_sweep(std::ostream& out, const PlanReport& report) {
  if (report.sweep.empty()) return;
  const bool priced = plan::priced(report.plan);
  out << (priced ? "\ncost beyond the compulsory:\n" : "\nbytes beyond the compulsory:\n")
      << table_text(plan::sweep_table(report.sweep, priced));
}

// The estimate is about one memory.
bool has_estimate(const PlanReport& report) { return report.device && !report.plan.second_level; }

void print_estimate(std::ostream& out, const PlanReport& report) {
  if (!has_estimate(report)) return;
  const plan::Estimate e = estimate_of(report);
  print_line(out, "device",
             fmt::format("{}: {} to {} (transfer {}, compute {}), {:.3g} J",
                         report.device->name.empty() ? "unnamed" : report.device->name,
                         seconds_text(e.overlapped_s), seconds_text(e.serial_s),
                         seconds_text(e.transfer_s), seconds_text(e.compute_s), e.energy_j));
}

void print_execution(std::ostream& out, const PlanReport& report) {
  if (!report.execution) return;
  const ExecutionReport& run = *report.execution;
  const std::string each = run.frames > 1 ? fmt::format(" in each of {} frames", run.frames) : "";
  print_line(out, "executed",
             fmt::format("in an arena of {} B with {} kernels: {} loads, {} stores, {} B beyond "
                         "the compulsory{}; outputs {}",
                         grouped_text(report.plan.scratchpad_bytes), run.kernels, run.loads,
                         run.stores, grouped_text(run.traffic_bytes), each,
                         run.outputs_equal ? "bit-equal to the unconstrained run"
                                           : "DIFFER from the unconstrained run"));
}

std::int64_t moved_bytes(const PlanReport& report) {
  std::int64_t bytes = 0;
  for (const plan::Event& event : report.plan.events)
    if (event.action == plan::Action::move)
      bytes += report.subject->problem().tensors[event.tensor].bytes;
  return bytes;
}

void add_cost(nlohmann::ordered_json& json, const PlanReport& report) {
  const plan::Plan& plan = report.plan;
  json["read_cost"] = plan.costs.read;
  json["write_cost"] = plan.costs.write;
  if (plan.costs.move >= 0) json["move_cost"] = plan.costs.move;
  if (plan.costs.move >= 0 && report.has_plan()) json["moved_bytes"] = moved_bytes(report);
  if (report.has_plan()) json["cost"] = plan.cost;
  if (!report.shortage) json["lower_bound_cost"] = plan.lower_bound_cost;
  if (report.has_plan() && report.baseline)
    json["default_belady_cost"] = report.baseline->cost(plan.costs);
}

void print_exported(std::ostream& out, const ExportReport& exported) {
  if (!exported.header.empty())
    print_line(out, "header",
               fmt::format("written to {}; spills take {} B off chip", exported.header,
                           grouped_text(exported.spill_bytes)));
  if (!exported.tflm.empty())
    print_line(out, "tflm",
               fmt::format("written to {}; arena of {} B", exported.tflm,
                           grouped_text(exported.tflm_arena_bytes)));
}

void add_json(nlohmann::ordered_json& json, const ExportReport& exported) {
  if (!exported.header.empty())
    json["header"] = exported.header, json["spill_bytes"] = exported.spill_bytes;
  if (!exported.tflm.empty())
    json["tflm"] = exported.tflm, json["tflm_arena_bytes"] = exported.tflm_arena_bytes;
}

}  // namespace

std::string status_text(const PlanReport& report) {
  const plan::Plan& plan = report.plan;
  const plan::Status status = status_of(report);
  if (status == plan::Status::optimal) return "optimal (" + report.objective.origin + ")";
  if (status == plan::Status::feasible) return feasible_text(report.objective);
  if (report.shortage)
    return fmt::format(
        "infeasible: operator '{}' needs {} B; nothing runs in less (--scratchpad MR)",
        op_of(report, report.shortage->op).name, grouped_text(report.shortage->bytes));
  if (plan.status == plan::Status::undecided)
    return "undecided: a limit ended the search before any plan was found (--time-limit, "
           "--memory-limit)";
  return fmt::format("{}: {}", plan::name(plan.status), plan.bound_origin);
}

nlohmann::ordered_json to_json(const PlanReport& report) {
  const plan::Plan& plan = report.plan;
  nlohmann::ordered_json json{{"status", plan::name(status_of(report))},
                              {"scratchpad_bytes", plan.scratchpad_bytes}};
  if (is_peak(report)) json["least_scratchpad_bytes"] = report.objective.bound;
  if (report.has_plan()) {
    json["traffic_bytes"] = plan.traffic_bytes;
    json["compulsory_bytes"] = plan.compulsory_bytes;
  }
  if (!report.shortage) {
    json["lower_bound_bytes"] = plan.lower_bound_bytes;
    json["bound_origin"] = plan.bound_origin;
  } else {
    json["operator"] = op_of(report, report.shortage->op).name;
    json["needed_bytes"] = report.shortage->bytes;
  }
  if (plan::priced(plan)) add_cost(json, report);
  if (report.has_plan() && report.baseline)
    json["default_belady_bytes"] = report.baseline->traffic_bytes;
  if (report.has_plan() && plan.frame)
    json["steady_state"] = {{"pinned", plan.frame->pinned.size()},
                            {"pinned_bytes", pinned_bytes(report)},
                            {"frame_bytes", plan.frame->bytes},
                            {"frame_cost", plan.frame->cost},
                            {"lower_bound_frame_cost", plan.frame->lower_bound_cost}};
  if (report.has_plan() && plan.second_level)
    json["second_level"] = second_level_json(*plan.second_level);
  if (!report.baselines.empty()) json["baselines"] = baselines_json(report);
  if (!report.sweep.empty()) json["sweep"] = sweep_json(report.sweep, plan::priced(plan));
  json["operators"] = report.subject->problem().operators.size();
  json["tensors"] = report.subject->problem().tensors.size();
  if (const std::int64_t concats = zero_copy_concats(report); concats > 0)
    json["zero_copy_concats"] = concats;
  if (report.subject->tiles > 0) json["tiles"] = report.subject->tiles;
  if (const std::int64_t pairs = in_place_pairs(report); pairs > 0) json["in_place"] = pairs;
  json["seconds"] = report.seconds;
  if (report.has_plan() && has_estimate(report)) json["estimate"] = estimate_json(report);
  if (report.execution) json["execution"] = execution_json(*report.execution);
  if (report.execution && plan.second_level)
    json["execution"]["second_level_bytes"] = report.execution->second_level_bytes;
  if (!report.written.empty()) json["plan"] = report.written;
  if (!report.drawn.empty()) json["report"] = report.drawn;
  if (report.exported) add_json(json, *report.exported);
  return json;
}

void print(std::ostream& out, const PlanReport& report) {
  print_network(out, report);
  const std::string& name = report.size_name;
  print_line(out, "scratchpad",
             exact_bytes(report.plan.scratchpad_bytes) + (name.empty() ? "" : ", " + name));
  print_line(out, "status", status_text(report));
  if (report.has_plan()) {
    print_line(
        out, "traffic",
        fmt::format("{} B beyond the compulsory {} B", grouped_text(report.plan.traffic_bytes),
                    grouped_text(report.plan.compulsory_bytes)));
    print_cost(out, report);
    print_frame(out, report);
    print_second_level(out, report);
    print_baseline(out, report);
    print_baselines(out, report);
    print_estimate(out, report);
  }
  print_execution(out, report);
  print_line(out, "time", seconds_text(report.seconds));
  if (!report.written.empty()) print_line(out, "plan", "written to " + report.written);
  if (!report.drawn.empty()) print_line(out, "report", "written to " + report.drawn);
  print_sweep(out, report);
  if (report.exported) print_exported(out, *report.exported);
}

}  // namespace pliant::cli
