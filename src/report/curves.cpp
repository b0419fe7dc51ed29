#include "report/curves.h"

#include <fmt/format.h>

#include <algorithm>

namespace pliant::report {

ChartSeries curve(std::string name, int style, const std::vector<AtStep>& values) {
  constexpr std::size_t most_points = 400;
  ChartSeries series{std::move(name), style, {}, false};
  const std::size_t stride = std::max<std::size_t>(1, values.size() / most_points);
  for (std::size_t i = (values.size() + stride - 1) % stride; i < values.size(); i += stride)
    series.points.push_back({static_cast<double>(values[i].step),
                             values[i].value,
                             false,
                             {},
                             fmt::format("step {}: {:.6g}", values[i].step, values[i].value)});
  return series;
}

LineChart steps_chart(std::string title, std::string y_name, std::vector<ChartSeries> series) {
  LineChart result{std::move(title), "step", std::move(y_name)};
  result.x = Quantity::count;
  result.y = Quantity::real;
  result.series = std::move(series);
  std::erase_if(result.series, [](const auto& each) { return each.points.empty(); });
  return result;
}

}  // namespace pliant::report
