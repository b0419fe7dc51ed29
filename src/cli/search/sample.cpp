#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/search/constraints.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "report/table.h"

namespace pliant::cli {
namespace {

using elasticvit::Architecture;

struct SampleOptions {
  SearchOptions search;
  ConstraintOptions constraints;
  std::int64_t count = 10;
};

report::Table table_of(const SearchSubject& subject, const std::vector<Architecture>& subnets) {
  report::Table table;
  for (const char* each : {"res", "widths", "depths", "expansion/kernel, MLP/V"})
    table.columns.push_back({each});
  for (const char* each : {"MFLOPs", "M parameters"}) table.columns.push_back({each, true});
  for (const search::NamedPredictor& each : subject.phones())
    table.columns.push_back({each.name + " ms", true});
  const search::Flops flops(subject.space());
  const search::ParameterCount parameters(subject.space());
  for (const Architecture& subnet : subnets) {
    std::vector<std::int64_t> widths, depths;
    std::vector<std::string> inner;
    for (const elasticvit::StageChoice& stage : subnet.stages) {
      widths.push_back(stage.width);
      depths.push_back(stage.depth);
      inner.push_back(fmt::format("{}/{}", stage.inner.first, stage.inner.second));
    }
    report::Row row{{std::to_string(subnet.resolution), fmt::format("{}", fmt::join(widths, ",")),
                     fmt::format("{}", fmt::join(depths, ",")),
                     fmt::format("{}", fmt::join(inner, " ")),
                     fmt::format("{:.1f}", flops.predict(subnet) / 1e6),
                     fmt::format("{:.2f}", parameters.predict(subnet) / 1e6)}};
    for (const search::NamedPredictor& each : subject.phones())
      row.cells.push_back(fmt::format("{:.2f}", each.predictor->predict(subnet)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

int run_sample(const SampleOptions& options, const Invocation& context) {
  const SearchSubject subject(options.search, context);
  Constraints constraints(options.constraints, subject);
  constraints.or_the_whole_space();
  const search::Sampler sampler(constraints.list());
  Rng rng(static_cast<std::uint64_t>(context.common.seed));
  std::vector<Architecture> subnets;
  for (std::int64_t i = 0; i < options.count && !context.stop; ++i)
    subnets.push_back(sampler.draw(rng));
  if (!context.common.json) {
    context.out << report::table_text(table_of(subject, subnets));
    context.log.info(
        fmt::format("drawn from at most {:.3g} subnets", static_cast<double>(sampler.at_most())));
    return success;
  }
  nlohmann::ordered_json json{{"space_size", size(subject.space())},
                              {"subnets_at_least", sampler.at_least()},
                              {"subnets_at_most", sampler.at_most()}};
  auto& list = json["subnets"] = nlohmann::ordered_json::array();
  for (const Architecture& each : subnets) {
    list.push_back({{"arch", subject.json(each)}});
    list.back().update(subject.costs(each));
  }
  print_json(context.out, json);
  return success;
}

}  // namespace

Verb search_sample_verb() {
  const auto options = std::make_shared<SampleOptions>();
  Command command{
      .name = "search sample",
      .summary = "draw subnets of ElasticViT that cost what you say",
      .description =
          {"Every subnet that meets all constraints is as likely as any other: they are counted "
           "by dynamic programming over the whole space, not found by trying. The same seed gives "
           "the same subnets.",
           "With --json: space_size; subnets_at_least and subnets_at_most, bounds on how many meet "
           "the constraints (at least 0 is said where there are several constraints); subnets, "
           "each with what search measure says of it."},
      .arguments = {},
      .options = {option("count", "N", options->count, "how many to draw")
                      .with_letter('n')
                      .within(1, 1'000'000)},
      .examples = {{"pliant search sample --flops 100M:120M -n 10", "ten of 102 trillion"},
                   {"pliant search sample --latency pixel6=15:16 --flops 0:250M --json",
                    "that take so long on a phone, with few operations"}}};
  for (Option& each : constraint_options(options->constraints))
    command.options.push_back(std::move(each));
  for (Option& each : search_options(options->search)) command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_sample(*options, context); }};
}

}  // namespace pliant::cli
