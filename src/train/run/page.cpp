// The page of a run.
#include <fmt/format.h>

#include <algorithm>

#include "core/units.h"
#include "report/chart.h"
#include "report/html.h"
#include "train/run/journal.h"

namespace pliant::train {
namespace {

using report::LineChart;

constexpr std::size_t most_points = 400;  // of a curve: more cannot be told apart

// About most_points of the records, the last one among them.
template <typename Record, typename Y>
report::ChartSeries curve(std::string name, int style, const std::vector<Record>& records, Y y) {
  report::ChartSeries series{std::move(name), style, {}, false};
  const std::size_t stride = std::max<std::size_t>(1, records.size() / most_points);
  for (std::size_t i = (records.size() + stride - 1) % stride; i < records.size(); i += stride) {
    const std::optional<double> given = y(records[i]);
    if (!given) continue;
    const double value = *given;
    series.points.push_back({static_cast<double>(records[i].step),
                             value,
                             false,
                             {},
                             fmt::format("step {}: {:.6g}", records[i].step, value)});
  }
  return series;
}

LineChart chart(std::string title, std::string y_name, std::vector<report::ChartSeries> series) {
  LineChart result{std::move(title), "step", std::move(y_name)};
  result.x = report::Quantity::count;
  result.y = report::Quantity::real;
  result.series = std::move(series);
  std::erase_if(result.series, [](const auto& each) { return each.points.empty(); });
  return result;
}

}  // namespace

std::string Journal::page(const std::string& title) const {
  report::HtmlPage page(title);
  if (steps_.empty()) {
    page.paragraph("No step has been told yet.");
    return page.finish();
  }
  const StepRecord& last = steps_.back();
  page.begin_cards();
  page.card("step", grouped_text(last.step), grouped_text(last.tokens) + " tokens");
  page.card("loss", fmt::format("{:.4f}", last.nll), "nats per token, training");
  if (!validations_.empty())
    page.card("validation", fmt::format("{:.4f}", validations_.back().nll),
              fmt::format("nats per token, step {}", validations_.back().step));
  page.card("speed", count_text(static_cast<std::int64_t>(last.tokens_per_second)),
            last.peak_share
                ? fmt::format("tokens per second, {:.0f} % of peak", 100 * *last.peak_share)
                : "tokens per second");
  page.end_cards();
  const auto picture = [&](const LineChart& each) { page.picture(line_chart_svg(each)); };
  picture(chart(
      "Loss", "nats per token",
      {curve("training", 0, steps_, [](const StepRecord& r) { return r.nll; }),
       curve("validation", 1, validations_, [](const ValidationRecord& r) { return r.nll; }),
       curve("from the teacher", 2, steps_, [](const StepRecord& r) { return r.divergence; })}));
  picture(chart("Rate", "rate",
                {curve("rate", 0, steps_, [](const StepRecord& r) { return r.rate; })}));
  picture(chart("Gradient", "norm before clipping",
                {curve("norm", 0, steps_, [](const StepRecord& r) { return r.gradient; })}));
  picture(chart("Speed", "tokens per second", {curve("speed", 0, steps_, [](const StepRecord& r) {
                  return r.tokens_per_second;
                })}));
  if (last.peak_share)
    picture(chart("Share of peak", "of the rate of matrix products",
                  {curve("share", 0, steps_, [](const StepRecord& r) { return r.peak_share; })}));
  LineChart memory =
      chart("Memory", "resident bytes",
            {curve("memory", 0, steps_, [](const StepRecord& r) { return r.memory_bytes; })});
  memory.y = report::Quantity::bytes;
  picture(memory);
  if (!samples_.empty()) page.heading("Samples");
  for (auto each = samples_.rbegin(); each != samples_.rend(); ++each) {
    page.subheading(fmt::format("step {}", each->step));
    page.paragraph(each->text);
  }
  return page.finish();
}

}  // namespace pliant::train
