#include "planner/paper.h"

#include <chrono>

#include "machine/scratchpad/execute.h"
#include "models/zoo/zoo.h"
#include "plan/baseline/baseline.h"
#include "plan/graph/graph_problem.h"
#include "planner/ilp.h"

namespace pliant::bench {
namespace {

class Table {
 public:
  Table(const PaperLimits& limits, ThreadPool& pool,
        const std::function<void(const PaperRow&)>& done)
      : limits_(limits), pool_(pool), done_(done) {
    options_.limits.seconds = limits.seconds;
    options_.limits.effort = INT64_MAX;  // time alone ends a search
  }

  void add(const std::string& network, const plan::Problem& problem, bool weights) {
    const plan::ScratchpadSizes sizes = plan::scratchpad_sizes(problem, options_, pool_);
    const std::pair<const char*, std::int64_t> asked[] = {
        {"M_R", sizes.required.bytes}, {"M_H", sizes.half}, {"M_P", sizes.peak}};
    for (const auto& [size, bytes] : asked) {
      PaperRow row{.network = network,
                   .size = size,
                   .status = "",
                   .weights = weights,
                   .names = {},
                   .baselines = {},
                   .ilp = "-"};
      row.bytes = bytes;
      row.peak_exact = sizes.peak_exact;
      row.operators = problem.operators.size();
      fill(row, problem, sizes);
      done_(row);
      rows.push_back(std::move(row));
    }
  }

  std::vector<PaperRow> rows;

 private:
  void fill(PaperRow& row, const plan::Problem& problem, const plan::ScratchpadSizes& sizes) {
    const auto start = std::chrono::steady_clock::now();
    const plan::Plan plan = plan::solve(problem, row.bytes, options_, pool_);
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    row.status = plan::name(plan.status);
    row.traffic = plan.traffic_bytes;
    row.bound = plan.lower_bound_bytes;
    row.executed = executes(problem, plan);
    for (const plan::NamedBaseline& each : plan::baselines(problem, sizes.peak_order, row.bytes,
                                                           {options_.alignment, options_.costs})) {
      row.names.push_back(each.name);
      row.baselines.push_back(each.plan ? std::optional(each.plan->plan.traffic_bytes)
                                        : std::nullopt);
    }
    if (limits_.ilp_seconds > 0 && row.operators <= limits_.most_ilp_operators) {
      const IlpEnd end = ilp_end(problem, row.bytes, limits_.ilp_seconds);
      row.ilp = end.status;
      row.ilp_seconds = end.seconds;
    }
    if (plan.status != plan::Status::optimal || plan.traffic_bytes == 0) return;
    plan::SolveOptions divide = options_;
    divide.divide_only = true;
    row.divide_ratio =
        static_cast<double>(plan::solve(problem, row.bytes, divide, pool_).traffic_bytes) /
        static_cast<double>(plan.traffic_bytes);
  }

  static bool executes(const plan::Problem& problem, const plan::Plan& plan) {
    if (plan.order.empty()) return false;
    scratchpad::HashOperators operators(problem, 1);
    const scratchpad::Contents contents = scratchpad::random_contents(problem, 1);
    const scratchpad::Execution run = scratchpad::execute(problem, plan, operators, contents);
    return run.traffic_bytes() == plan.traffic_bytes &&
           run.outputs == scratchpad::execute_unconstrained(problem, operators, contents);
  }

  const PaperLimits& limits_;
  ThreadPool& pool_;
  const std::function<void(const PaperRow&)>& done_;
  plan::SolveOptions options_;
};

}  // namespace

std::optional<double> PaperRow::reduction(std::size_t baseline) const {
  if (!baselines[baseline] || *baselines[baseline] == 0) return std::nullopt;
  return 1 - static_cast<double>(traffic) / static_cast<double>(*baselines[baseline]);
}

std::vector<PaperRow> paper_table(const PaperLimits& limits, ThreadPool& pool,
                                  const std::function<void(const PaperRow&)>& done) {
  Table table(limits, pool, done);
  for (const zoo::ZooNetwork& entry : zoo::entries()) {
    if (entry.name == "nasnet-a-x4") continue;  // a test of reach, not one of the paper's networks
    const Graph graph = zoo::build(entry.name);
    for (const bool weights : {false, true})
      table.add(std::string(entry.name),
                plan::problem_of(
                    graph, {.fuse = true, .weights = weights, .elem_bytes = 1, .workspace = {}})
                    .problem,
                weights);
  }
  return std::move(table.rows);
}

}  // namespace pliant::bench
