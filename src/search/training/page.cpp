// The page of a supernet's run.
#include <fmt/format.h>

#include "core/units.h"
#include "report/curves.h"
#include "report/html.h"
#include "search/training/journal.h"

namespace pliant::search {
namespace {

using report::AtStep;
using report::ChartSeries;

// Mean loss of a part's subnets; steps without one are left out.
ChartSeries losses(std::string name, int style, const std::vector<LoggedStep>& steps, Part part) {
  std::vector<AtStep> values;
  for (const LoggedStep& step : steps) {
    double sum = 0;
    int count = 0;
    for (const LoggedSubnet& each : step.subnets)
      if (each.part == part) sum += each.loss, ++count;
    if (count > 0) values.push_back({step.step, sum / count});
  }
  return curve(std::move(name), style, values);
}

template <typename Y>
ChartSeries of_steps(std::string name, const std::vector<LoggedStep>& steps, Y y) {
  std::vector<AtStep> values;
  for (const LoggedStep& each : steps) values.push_back({each.step, y(each)});
  return curve(std::move(name), 0, values);
}

// One curve per judged subnet, as many as have a style of their own.
std::vector<ChartSeries> accuracies(const std::vector<LoggedJudgements>& all) {
  constexpr std::size_t most = 4;
  std::vector<ChartSeries> result;
  const std::size_t count = all.empty() ? 0 : all.back().subnets.size();
  const std::size_t stride = (count + most - 1) / most;
  for (std::size_t i = 0; i < count; i += stride) {
    std::vector<AtStep> values;
    for (const LoggedJudgements& each : all)
      if (i < each.subnets.size())
        values.push_back({each.step, 100 * each.subnets[i].worth.accuracy});
    result.push_back(curve(all.back().subnets[i].name, static_cast<int>(result.size()), values));
  }
  return result;
}

report::Table judged_table(const LoggedJudgements& last) {
  report::Table table;
  table.columns = {{"subnet"}, {"MFLOPs", true}, {"accuracy, %", true}, {"loss", true}};
  for (const Judgement& each : last.subnets)
    table.rows.push_back({{each.name, fmt::format("{:.1f}", each.flops / 1e6),
                           fmt::format("{:.2f}", 100 * each.worth.accuracy),
                           fmt::format("{:.4f}", each.worth.loss)}});
  return table;
}

}  // namespace

std::string SupernetJournal::page(const std::string& title) const {
  report::HtmlPage page(title);
  if (steps_.empty()) {
    page.paragraph("No step has been told yet.");
    return page.finish();
  }
  const LoggedStep& last = steps_.back();
  page.begin_cards();
  page.card("step", grouped_text(last.step), fmt::format("{} subnets each", last.subnets.size()));
  page.card("rate", fmt::format("{:.2e}", last.rate), "of the last step");
  page.card("speed", seconds_text(last.seconds), "the last step");
  page.end_cards();
  const auto picture = [&](std::string name, std::string unit, std::vector<ChartSeries> series) {
    report::LineChart chart = steps_chart(std::move(name), std::move(unit), std::move(series));
    if (!chart.series.empty()) page.picture(line_chart_svg(chart));
  };
  picture("Loss", "nats per image, training",
          {losses("random", 0, steps_, Part::random), losses("smallest", 1, steps_, Part::smallest),
           losses("largest", 2, steps_, Part::largest)});
  picture("Accuracy", "% of held-out images", accuracies(judgements_));
  picture("FLOPs", "of the first random subnet",
          {of_steps("FLOPs", steps_, [](const LoggedStep& each) {
            return each.subnets.empty() ? 0 : each.subnets.front().flops;
          })});
  picture("Rate", "rate", {of_steps("rate", steps_, [](const LoggedStep& e) { return e.rate; })});
  picture("Gradient", "norm before clipping",
          {of_steps("norm", steps_, [](const LoggedStep& e) { return e.gradient; })});
  picture("Time", "seconds a step",
          {of_steps("seconds", steps_, [](const LoggedStep& e) { return e.seconds; })});
  if (!judgements_.empty()) {
    page.heading(fmt::format("Held-out images, step {}", judgements_.back().step));
    page.table(judged_table(judgements_.back()));
  }
  return page.finish();
}

}  // namespace pliant::search
