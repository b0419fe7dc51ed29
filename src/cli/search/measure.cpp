#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/search/subject.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "models/elasticvit/counts.h"
#include "report/table.h"

namespace pliant::cli {
namespace {

using elasticvit::Architecture;
using elasticvit::StageChoice;

struct MeasureOptions {
  SearchOptions search;
  std::string architecture;
};

std::string number_or_dash(std::int64_t number) {
  return number == 0 ? "-" : std::to_string(number);
}

// A row per stage; what does not apply is a dash.
class StageTable {
 public:
  explicit StageTable(const SearchSubject& subject) : subject_(subject) {
    for (const char* each : {"stage", "side", "width", "depth", "expand", "kernel", "MLP", "V",
                             "MFLOPs", "parameters"})
      table_.columns.push_back({each, each != std::string("stage")});
    for (const search::NamedPredictor& each : subject.phones())
      table_.columns.push_back({each.name + " ms", true});
  }

  report::Table run(const Architecture& architecture) {
    const elasticvit::Space& space = subject_.space();
    const std::vector<std::int64_t> sides = stage_sides(space, architecture.resolution);
    const search::Flops flops(space);
    const search::ParameterCount parameters(space);
    std::vector<const search::StagePredictor*> predictors{&flops, &parameters};
    for (const search::NamedPredictor& each : subject_.phones())
      predictors.push_back(each.predictor.get());
    std::int64_t before = 0;
    for (std::size_t i = 0; i < space.stages.size(); ++i) {
      const StageChoice& stage = architecture.stages[i];
      const bool mobile = space.stages[i].kind == elasticvit::StageKind::mobile;
      std::vector<double> costs;
      for (const search::StagePredictor* each : predictors)
        costs.push_back(each->stage(architecture.resolution, i, before, stage));
      add(space.stages[i].name,
          {sides[i], stage.width, stage.depth, mobile ? stage.expansion() : 0,
           mobile ? stage.kernel() : 0, mobile ? 0 : stage.mlp_ratio(),
           mobile ? 0 : stage.v_scale()},
          costs);
      before = stage.width;
    }
    std::vector<double> head, total;
    for (const search::StagePredictor* each : predictors) {
      head.push_back(each->head(architecture.resolution, before));
      total.push_back(each->predict(architecture));
    }
    add("head", std::vector<std::int64_t>(7, 0), head);
    add("total", std::vector<std::int64_t>(7, 0), total);
    return std::move(table_);
  }

 private:
  void add(const std::string& name, const std::vector<std::int64_t>& choices,
           const std::vector<double>& costs) {
    report::Row row;
    row.cells.push_back(name);
    for (const std::int64_t each : choices) row.cells.push_back(number_or_dash(each));
    row.cells.push_back(fmt::format("{:.3f}", costs[0] / 1e6));
    row.cells.push_back(fmt::format("{:.0f}", costs[1]));
    for (std::size_t i = 2; i < costs.size(); ++i)
      row.cells.push_back(fmt::format("{:.3f}", costs[i]));
    table_.rows.push_back(std::move(row));
  }

  const SearchSubject& subject_;
  report::Table table_;
};

int run_measure(const MeasureOptions& options, const Invocation& context) {
  const SearchSubject subject(options.search, context);
  const Architecture architecture = architecture_of(options.architecture, subject, "--arch");
  if (context.common.json) {
    nlohmann::ordered_json json{{"arch", subject.json(architecture)}};
    json.update(subject.costs(architecture));
    print_json(context.out, json);
    return success;
  }
  context.out << report::table_text(StageTable(subject).run(architecture));
  return success;
}

}  // namespace

Verb search_measure_verb() {
  const auto options = std::make_shared<MeasureOptions>();
  Command command{
      .name = "search measure",
      .summary = "what a subnet of ElasticViT costs",
      .description =
          {"FLOPs are multiply-accumulates as the paper's code counts them, parameters those that "
           "the subnet reads, latencies sums of blocks that were timed on phones. The subnet is "
           "one of the paper's (T1, T2, S1, S2, M, L1, L1.5, L2, L3), the smallest or largest of "
           "the space, a JSON file, or JSON itself: res, widths and depths per stage, "
           "conv_expansions and kernels per mobile layer, mlp_ratios and v_scales per transformer "
           "layer.",
           "With --json: arch, flops, parameters (also without position biases, with those that "
           "the resolution reaches, and with whole tables of them), latency_ms by phone."},
      .arguments = {},
      .options = {option("arch", "ARCH", options->architecture, "the subnet: a name, FILE or JSON")
                      .must()},
      .examples = {
          {"pliant search measure --arch T1", "a table by stages"},
          {"pliant search measure --arch subnet.json --latency-tables tables --json",
           "one of one's own, with latencies of one's own"},
          {"pliant search measure --arch largest --space space.json", "of a space of one's own"}}};
  for (Option& each : search_options(options->search)) command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_measure(*options, context); }};
}

}  // namespace pliant::cli
