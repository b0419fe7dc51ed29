// The page of a run.
#include <fmt/format.h>

#include "core/units.h"
#include "report/curves.h"
#include "report/html.h"
#include "train/run/journal.h"

namespace pliant::train {
namespace {

using report::LineChart;
using report::steps_chart;

template <typename Record, typename Y>
report::ChartSeries curve(std::string name, int style, const std::vector<Record>& records, Y y) {
  std::vector<report::AtStep> values;
  for (const Record& each : records)
    if (const std::optional<double> value = y(each)) values.push_back({each.step, *value});
  return report::curve(std::move(name), style, values);
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
  picture(steps_chart(
      "Loss", "nats per token",
      {curve("training", 0, steps_, [](const StepRecord& r) { return r.nll; }),
       curve("validation", 1, validations_, [](const ValidationRecord& r) { return r.nll; }),
       curve("from the teacher", 2, steps_, [](const StepRecord& r) { return r.divergence; })}));
  picture(steps_chart("Rate", "rate",
                      {curve("rate", 0, steps_, [](const StepRecord& r) { return r.rate; })}));
  picture(steps_chart("Gradient", "norm before clipping",
                      {curve("norm", 0, steps_, [](const StepRecord& r) { return r.gradient; })}));
  picture(steps_chart(
      "Speed", "tokens per second",
      {curve("speed", 0, steps_, [](const StepRecord& r) { return r.tokens_per_second; })}));
  if (last.peak_share)
    picture(
        steps_chart("Share of peak", "of the rate of matrix products",
                    {curve("share", 0, steps_, [](const StepRecord& r) { return r.peak_share; })}));
  LineChart memory =
      steps_chart("Memory", "resident bytes",
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
