#include <fmt/format.h>

#include "cli/language/eval.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "report/chart.h"
#include "report/html.h"
#include "text/load/load.h"
#include "train/recipe/recipe.h"
#include "train/run/model.h"

namespace pliant::cli {
namespace {

struct Scored {
  std::int64_t step = 0, tokens = 0;
  std::vector<eval::Score> scores;
};

// What is drawn and printed of a set.
double shown(const eval::Score& score) {
  if (score.acc_norm) return score.acc_norm->mean;
  if (score.acc) return score.acc->mean;
  return score.rouge_l ? score.rouge_l->mean : 0;
}

std::string page(const std::string& run, const std::vector<Scored>& all) {
  report::LineChart chart{"Scores", "step", "share right"};
  chart.x = report::Quantity::count;
  chart.y = report::Quantity::real;
  for (std::size_t i = 0; i < all.front().scores.size(); ++i) {
    report::ChartSeries series{all.front().scores[i].name, static_cast<int>(i % 6), {}};
    for (const Scored& each : all)
      if (i < each.scores.size())
        series.points.push_back(
            {static_cast<double>(each.step),
             shown(each.scores[i]),
             false,
             {},
             fmt::format("step {}: {:.2f} %", each.step, 100 * shown(each.scores[i]))});
    chart.series.push_back(std::move(series));
  }
  report::HtmlPage result(run);
  result.paragraph("Each point is a checkpoint of the run, asked the same questions.");
  result.picture(line_chart_svg(chart));
  return result.finish();
}

void print(const std::vector<Scored>& all, const Invocation& context) {
  if (context.common.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Scored& each : all) {
      nlohmann::ordered_json sets = nlohmann::ordered_json::array();
      for (const eval::Score& score : each.scores) sets.push_back(to_json(score));
      list.push_back({{"step", each.step},
                      {"tokens", each.tokens},
                      {"sets", sets},
                      {"centred", eval::aggregate(each.scores)}});
    }
    print_json(context.out, {{"checkpoints", list}});
    return;
  }
  std::string line = fmt::format("{:>10}{:>14}", "step", "tokens");
  for (const eval::Score& each : all.front().scores)
    line += fmt::format("{:>16}", each.name.substr(0, 15));
  context.out << line << fmt::format("{:>10}\n", "centred");
  for (const Scored& each : all) {
    line = fmt::format("{:>10}{:>14}", each.step, each.tokens);
    for (const eval::Score& score : each.scores)
      line += fmt::format("{:>16.2f}", 100 * shown(score));
    context.out << line << fmt::format("{:>10.2f}\n", 100 * eval::aggregate(each.scores));
  }
}

}  // namespace

int eval_run(const EvalOptions& options, std::span<const eval::ItemSet> sets,
             const Invocation& context) {
  const std::string& run = options.language.model;
  const train::Checkpoints checkpoints(run + "/checkpoints");
  if (checkpoints.steps().empty())
    throw Error(ErrorKind::not_found, run, "holds no checkpoints",
                "name the folder that pliant train --out wrote");
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<Scored> all;
  for (const std::int64_t step : checkpoints.steps()) {
    const train::Checkpoint checkpoint = checkpoints.load(step);
    const std::string place = checkpoints.path(step);
    if (!tokenizer)
      tokenizer = load_tokenizer(
          train::recipe_from_json(checkpoint.state.recipe, place, "").data.tokenizer);
    const Examinee model = examinee(train::model_of(checkpoint, place), options, context);
    all.push_back({step, checkpoint.state.tokens,
                   score_sets(*model.predictor, *tokenizer, sets, options.score,
                              fmt::format("step {}, ", step), context)});
    if (context.stop) break;
  }
  if (context.stop && all.back().scores.size() < sets.size()) all.pop_back();
  if (all.empty()) throw Error(ErrorKind::cancelled, run, "ended before a checkpoint was scored");
  print(all, context);
  if (!options.report.empty()) write_file(options.report, page(run, all));
  return context.stop ? failure : success;
}

}  // namespace pliant::cli
