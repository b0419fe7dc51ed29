#include <fmt/format.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/network/zoo_list.h"
#include "cli/plan/cost_options.h"
#include "cli/plan/execute.h"
#include "cli/plan/export.h"
#include "cli/plan/picture.h"
#include "cli/plan/place_file.h"
#include "cli/plan/report.h"
#include "cli/plan/sizes.h"
#include "cli/plan/solve_ilp.h"
#include "cli/plan/sweep.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "core/suggest.h"
#include "plan/baseline/baseline.h"
#include "plan/checker/checker.h"
#include "plan/steady.h"

namespace pliant {

template <>
struct OptionWords<cli::Goal> {
  static constexpr std::pair<cli::Goal, const char*> words[] = {{cli::Goal::traffic, "traffic"},
                                                                {cli::Goal::peak, "peak"}};
};

template <>
struct OptionWords<cli::Solver> {
  static constexpr std::pair<cli::Solver, const char*> words[] = {
      {cli::Solver::exact, "exact"}, {cli::Solver::divide, "divide"}, {cli::Solver::ilp, "ilp"}};
};

}  // namespace pliant

namespace pliant::cli {
namespace {

struct PlanOptions {
  NetworkOptions network;
  std::string file, scratchpad, device, out, problem, report, sweep;
  std::int64_t alignment = 0;
  Seconds time_limit{1e9};
  Bytes memory_limit{std::int64_t{4} << 30};
  CostOptions costs;
  ExportOptions exports;
  bool execute = false, compare = false;
  Goal minimize = Goal::traffic;
  Solver solver = Solver::exact;
};

plan::SolveOptions solve_options(const PlanOptions& options, const NetworkSubject& subject,
                                 const std::optional<plan::Device>& device,
                                 const Invocation& context) {
  plan::SolveOptions solve;
  solve.limits.seconds = options.time_limit.count;
  solve.limits.memory_bytes = options.memory_limit.count;
  solve.alignment = options.alignment > 0 ? options.alignment : device ? device->alignment : 1;
  solve.alignment = std::lcm(solve.alignment, subject.alignment);
  solve.costs = costs_of(options.costs, device);
  solve.limits.stop = &context.stop;
  solve.divide_only = options.solver == Solver::divide;
  return solve;
}

// The size asked for; the device's when none is.
std::int64_t scratchpad_bytes(const PlanOptions& options, const std::optional<plan::Device>& device,
                              PlanSizes& sizes) {
  if (options.scratchpad.empty() && device) return device->scratchpad_bytes;
  if (options.scratchpad.empty())
    throw Error(ErrorKind::usage, "--scratchpad", "is missing",
                "give a size as 512KiB, or MR, MH or MP, or --device");
  const std::int64_t bytes = is_size_name(options.scratchpad)
                                 ? sizes.named(options.scratchpad)
                                 : bytes_from_text(options.scratchpad, "--scratchpad").count;
  if (device && bytes > device->scratchpad_bytes)
    throw Error(ErrorKind::usage, "--scratchpad",
                fmt::format("{} B, but the device of --device has {} B", grouped_text(bytes),
                            grouped_text(device->scratchpad_bytes)),
                is_size_name(options.scratchpad) ? "this network needs a larger device"
                                                 : "leave one of the two out");
  return bytes;
}

plan::Plan search(const plan::Problem& problem, std::int64_t bytes, plan::SolveOptions solve,
                  const CostOptions& costs, const Invocation& context) {
  Progress progress(context.log, steady_clock());
  solve.progress = [&](const plan::SolveProgress& state) {
    progress.show([&] {
      return search_line("plan", state.incumbent.value_or(-1), state.bound, progress.seconds());
    });
  };
  if (costs.steady_state) return plan::solve_steady(problem, bytes, solve, context.pool());
  if (const auto second = second_memory_of(costs, solve.costs))
    return plan::solve_second_level(problem, bytes, *second, solve, context.pool());
  return plan::solve(problem, bytes, solve, context.pool());
}

void plan_traffic(const PlanOptions& options, const plan::SolveOptions& solve, PlanReport& report,
                  const Invocation& context) {
  const plan::Problem& problem = report.subject->problem();
  PlanSizes sizes(problem, solve, context);
  const std::int64_t bytes = scratchpad_bytes(options, report.device, sizes);
  std::vector<std::int64_t> sweep;  // a wrong one is refused before any search
  if (!options.sweep.empty())
    sweep = sweep_sizes(sweep_request(options.sweep), problem, solve.alignment, sizes);
  if (is_size_name(options.scratchpad)) report.size_name = options.scratchpad;
  const plan::Required required = plan::required_size(problem, solve.alignment);
  if (required.bytes > bytes) {
    report.shortage = required;
    report.plan.scratchpad_bytes = bytes;
    report.plan.status = plan::Status::infeasible;
    return;
  }
  const Clock clock = steady_clock();
  const double begin = clock();
  const auto solve_at = [&](std::int64_t size) {
    return options.solver == Solver::ilp ? solve_ilp(problem, size, solve)
                                         : search(problem, size, solve, options.costs, context);
  };
  report.plan = solve_at(bytes);
  report.seconds = clock() - begin;
  report.objective = plan::objective_of(report.plan);
  // the simple methods know no frames
  if (!report.has_plan() || options.costs.steady_state) return;
  report.baseline = plan::default_belady(problem, bytes);
  if (!sweep.empty() || !options.report.empty()) report.sizes = sizes.all();
  if (options.compare || extension(options.report) == ".html")
    report.baselines =
        plan::baselines(problem, sizes.all().peak_order, bytes,
                        {solve.alignment, solve.costs, Deadline(no_time_limit, solve.limits.stop)});
  if (!sweep.empty()) report.sweep = run_sweep(problem, sweep, solve, sizes, solve_at, context);
}

void plan_peak(const plan::SolveOptions& solve, PlanReport& report, const Invocation& context) {
  const Clock clock = steady_clock();
  const double begin = clock();
  plan::LeastMemory least = plan::least_memory(report.subject->problem(), solve, context.pool());
  report.seconds = clock() - begin;
  report.plan = std::move(least.plan);
  report.objective = least.objective;
}

PlanReport make_report(const PlanOptions& options, const NetworkSubject& subject,
                       const Invocation& context) {
  PlanReport report;
  report.subject = &subject;
  report.path = file_name(options.file);
  if (!options.device.empty())
    report.device = plan::device_from_json(read_file(options.device), options.device);
  const plan::SolveOptions solve = solve_options(options, subject, report.device, context);
  second_memory_of(options.costs, solve.costs);  // a wrong one is refused before any search
  if (options.minimize == Goal::peak) plan_peak(solve, report, context);
  else plan_traffic(options, solve, report, context);
  return report;
}

void draw_picture(const PlanOptions& options, PlanReport& report, const Invocation& context) {
  if (options.report.empty()) return;
  if (!report.has_plan()) {
    context.log.warning(options.report + ": not written, there is no plan to draw");
    return;
  }
  write_picture(options.report, report);
  report.drawn = options.report;
}

int plan_network(const Source& source, PlanOptions options, const Invocation& context) {
  options.network.execute = options.execute;
  options.network.seed = static_cast<std::uint64_t>(context.common.seed);
  const NetworkSubject subject = open_subject(source, options.network, context.pool());
  if (!options.problem.empty())
    write_file(options.problem, plan::problem_to_json(subject.problem()));
  PlanReport report = make_report(options, subject, context);
  if (options.execute && report.has_plan())
    report.execution = execute_plan(subject, report.plan, context);
  if (!options.out.empty() && report.has_plan()) {
    write_file(options.out, plan::plan_to_json(subject.problem(), report.plan));
    report.written = options.out;
  }
  draw_picture(options, report, context);
  if (options.exports.any() && report.has_plan()) {
    std::optional<std::int64_t> capacity;
    if (options.minimize != Goal::peak) capacity = report.plan.scratchpad_bytes;
    report.exported = export_plan(options.exports, subject.problem(), report.plan, report.path,
                                  capacity, context);
  }
  if (context.common.json) print_json(context.out, to_json(report));
  else print(context.out, report);
  const bool wrong = report.execution && !report.execution->outputs_equal;
  return report.has_plan() && !wrong ? success : failure;
}

void check_size(const std::string& text) {
  std::string capitals = text;
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (text.empty() || is_size_name(text)) return;
  if (is_size_name(capitals))
    throw Error(ErrorKind::usage, "--scratchpad", fmt::format("'{}' is not a size", text),
                fmt::format("did you mean '{}'?", capitals));
  bytes_from_text(text, "--scratchpad");
}

int run_plan(const PlanOptions& options, const Invocation& context) {
  if (options.file == zoo_list) return list_zoo(context);
  check_report_path(options.report);
  if (!options.sweep.empty()) sweep_request(options.sweep);
  check_export(options.exports);
  check_size(options.scratchpad);
  const Source source(options.file);
  check_options(source, context);
  if (source.kind() != FileKind::placement) return plan_network(source, options, context);
  if (is_size_name(options.scratchpad))
    throw Error(ErrorKind::usage, "--scratchpad", "does not go with a placement instance",
                "give a size as 1MiB");
  if (options.scratchpad.empty())
    throw Error(ErrorKind::usage, "--scratchpad", "is missing", "give a size as 1MiB");
  return place_file(source,
                    {.out = options.out,
                     .report = options.report,
                     .capacity = bytes_from_text(options.scratchpad, "--scratchpad").count,
                     .alignment = std::max<std::int64_t>(1, options.alignment),
                     .time_limit_s = options.time_limit.count},
                    context);
}

struct CheckOptions {
  NetworkOptions network;
  std::string problem, plan;
};

checker::Verdict verdict_of(const CheckOptions& options, const Invocation& context) {
  const Source source(options.problem);
  check_options(source, context);
  const NetworkSubject subject = open_subject(source, options.network, context.pool());
  const MappedFile plan(options.plan);
  try {
    return checker::check_json(plan::problem_to_json(subject.problem()), plan.text());
  } catch (const Error& error) {
    throw Error(error.kind(), options.plan + ": " + error.place(), error.problem(),
                "a plan of a network needs the options it was planned with");
  }
}

int run_check(const CheckOptions& options, const Invocation& context) {
  const checker::Verdict verdict = verdict_of(options, context);
  nlohmann::ordered_json json{{"valid", verdict.accepted},
                              {"reason", verdict.reason},
                              {"traffic_bytes", verdict.traffic_bytes},
                              {"compulsory_bytes", verdict.compulsory_bytes},
                              {"necessary_bytes", verdict.necessary_bytes}};
  if (verdict.cost) json["cost"] = *verdict.cost;
  if (verdict.off_chip_bytes) json["off_chip_bytes"] = *verdict.off_chip_bytes;
  if (verdict.frame_bytes) json["frame_bytes"] = *verdict.frame_bytes;
  if (context.common.json) print_json(context.out, json);
  else print_line(context.out, verdict.accepted ? "valid" : "INVALID", verdict.reason);
  return verdict.accepted ? success : failure;
}

std::vector<Option> plan_table(PlanOptions& options) {
  constexpr const char* finds_size = "it finds the scratchpad's size";
  const std::vector<std::string> planned{networks, problems};
  std::vector<Option> table{
      option("scratchpad", "SIZE", options.scratchpad,
             "bytes as 524288 or 512KiB; or MR (largest operator), MP (least peak over orders), MH "
             "(their mean)")
          .with_letter('s')
          .excludes("--minimize peak", finds_size),
      option("device", "FILE", options.device,
             "device description: its scratchpad, alignment, time and energy")
          .path()
          .excludes("--minimize peak", finds_size)
          .only_for(planned),
      option("out", "FILE", options.out, "write the plan (JSON), or the placed instance (CSV)")
          .with_letter('o')
          .written(),
      option("export", "FILE", options.exports.header,
             "write the plan as a C header (FILE.h) with tables and a small runtime, for firmware "
             "to include")
          .written()
          .only_for(planned),
      option("export-tflm", "FILE", options.exports.tflm,
             "write TensorFlow Lite Micro's offline memory plan (the metadata buffer "
             "'OfflineMemoryAllocation'); for plans without traffic")
          .written()
          .excludes("--tiles", "TensorFlow Lite Micro runs whole operators")
          .only_for(planned),
      option("problem", "FILE", options.problem, "write what is planned as a problem (JSON)")
          .written()
          .only_for(planned),
      flag("execute", options.execute,
           "run the plan in an arena of exactly that size and compare the outputs")
          .only_for(planned),
      option("minimize", "GOAL", options.minimize,
             "traffic; or peak: find the smallest scratchpad without traffic, with order and "
             "addresses")
          .only_for(planned),
      option("solver", "NAME", options.solver,
             "the exact search; divide: parts between narrow places and windows, for thousands of "
             "operators (the exact search turns to it by itself); ilp: the published integer "
             "program through CBC, for small problems")
          .excludes("--minimize peak", "that has a search of its own")
          .only_for(planned),
      flag("compare", options.compare,
           "also plan by four simple methods: default and least-peak order, each with Belady and "
           "greedy replacement")
          .excludes("--minimize peak", "they need a size of scratchpad")
          .only_for(planned),
      option("report", "FILE", options.report,
             "draw the plan: a page to look at (.html), or its memory map alone (.svg)")
          .written(),
      option("sweep", "SIZES", options.sweep,
             "plan at other sizes too: how many from M_R to above M_P (12 if SIZES is left out), "
             "FROM:TO:COUNT, or a list A,B,C")
          .or_alone(default_sweep)
          .excludes("--minimize peak", finds_size)
          .only_for(planned),
      option("alignment", "N", options.alignment, "every address is a multiple of N")
          .within(1, 1 << 20)
          .with_default("1, or the device's"),
      option("time-limit", "TIME", options.time_limit,
             "end the search after TIME with the best plan found")
          .with_default("none"),
      option("memory-limit", "SIZE", options.memory_limit, "memory of the search")};
  for (Option& each : cost_table(options.costs)) table.push_back(std::move(each));
  for (Option& each : network_options(options.network)) table.push_back(std::move(each));
  return table;
}

}  // namespace

Verb plan_verb() {
  const auto options = std::make_shared<PlanOptions>();
  Command command{
      .name = "plan",
      .summary = "find the plan of a network in a scratchpad that moves the fewest bytes",
      .description = {"Finds the operator order, an address for every tensor and the loads and "
                      "stores between the scratchpad and off-chip memory that move the fewest "
                      "bytes beyond the compulsory ones (first loads of inputs, final stores of "
                      "outputs), and proves it. FILE is an ONNX network, a Pliant file, ncnn's "
                      "text (.param), a problem written by a compiler (JSON, docs/formats.md), a "
                      "placement instance (CSV with columns id, lower, upper, size), or zoo:NAME, "
                      "a network that Pliant generates (zoo:list names them).",
                      "--execute runs the plan on a modelled accelerator and compares every output "
                      "bit with a run without limits: with the CPU's kernels where the tensors "
                      "have their own types (their workspace counts then), else with operators "
                      "that hash their inputs.",
                      "The answer is optimal, feasible (a limit or Ctrl-C ended the search: best "
                      "plan, lower bound and gap) or infeasible, naming the operator and the bytes "
                      "it needs; the last, and no answer in time, exit with 1."},
      .arguments =
          {argument("FILE", options->file, "the network, problem or placement instance").path()},
      .options = plan_table(*options),
      .examples = {
          {"pliant plan net.onnx --scratchpad 512KiB --out plan.json", "plan a network"},
          {"pliant plan net.onnx --scratchpad MR --elem-bytes 1 --execute --json",
           "the smallest scratchpad that works, 8-bit elements, shown to be true"},
          {"pliant plan net.onnx --device chip.json", "with time and energy estimates"},
          {"pliant plan net.onnx --scratchpad MR --compare", "beside four simple methods"},
          {"pliant plan net.onnx --scratchpad MR --tiles 4",
           "convolutions in four bands: less fits more"},
          {"pliant plan net.onnx --scratchpad MR --zero-copy-concat",
           "with parts side by side for concats"},
          {"pliant plan net.onnx --scratchpad MR --in-place",
           "with results written over dead inputs"},
          {"pliant plan net.onnx --scratchpad 512KiB --read-cost 1 --write-cost 3",
           "where storing a byte takes three times as much as loading it"},
          {"pliant plan net.onnx --scratchpad 512KiB --report plan.html --sweep",
           "a page with the memory map, traffic against scratchpad size, tables"},
          {"pliant plan net.onnx --scratchpad 2MiB --weights --steady-state --execute",
           "frame after frame: which weights to keep, shown by two frames"},
          {"pliant plan net.onnx --scratchpad 512KiB --export net_plan.h",
           "a header that firmware includes"},
          {"pliant plan net.onnx --minimize peak --elem-bytes 1 --export-tflm offline.bin",
           "offsets for TensorFlow Lite Micro"},
          {"pliant plan net.onnx --scratchpad MR --move-cost 1",
           "where a tensor may change its address at the price of loading it"},
          {"pliant plan net.onnx --scratchpad MR --second-level 1MiB --execute",
           "with a larger memory on chip behind the scratchpad"},
          {"pliant plan net.onnx --minimize peak", "the smallest scratchpad without traffic"},
          {"pliant plan zoo:nasnet-a --elem-bytes 1 --scratchpad MR",
           "a network that Pliant generates"},
          {"pliant plan A.csv --scratchpad 1048576 --out placed.csv", "placement alone"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_plan(*options, context); }};
}

Verb plan_check_verb() {
  const auto options = std::make_shared<CheckOptions>();
  Command command{
      .name = "plan check",
      .summary = "check a plan independently of the planner",
      .description = {"The checker shares no code with the planner. It prints every rule the plan "
                      "breaks and exits with 1, or says that the plan is valid. A network needs "
                      "the options it was planned with."},
      .arguments = {argument("PROBLEM", options->problem, "the network or problem").path(),
                    argument("PLAN", options->plan, "the plan (JSON)").path()},
      .options = network_options(options->network),
      .examples = {
          {"pliant plan check net.onnx plan.json --elem-bytes 1", "check a plan of a network"},
          {"pliant plan check problem.json plan.json --json", "check a plan of a problem"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_check(*options, context); }};
}

}  // namespace pliant::cli
