#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/utf8.h"
#include "report/markup.h"
#include "report/scale.h"
#include "report/style.h"

namespace pliant::report {
namespace {

struct Range {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  double y_least = INFINITY;  // of the positive ones
  bool zero = false;
};

Range range_of(const LineChart& chart) {
  Range range;
  const auto take_y = [&](double y) {
    range.y_high = std::max(range.y_high, y);
    range.y_low = std::min(range.y_low, y);
    if (y > 0) range.y_least = std::min(range.y_least, y);
    else range.zero = true;
  };
  const auto take_x = [&](double x) {
    range.x_low = std::min(range.x_low, x);
    range.x_high = std::max(range.x_high, x);
  };
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      take_x(point.x);
      take_y(point.y);
      if (point.at_least) take_y(*point.at_least);
    }
  for (const ChartMark& mark : chart.marks) take_x(mark.x);
  return range;
}

double text_width(std::string_view text) { return 6.2 * code_points(text).size(); }  // about

class LineChartDrawing {
 public:
  explicit LineChartDrawing(const LineChart& chart) : chart_(chart), range_(range_of(chart)) {
    const double room = std::max(1.0, (range_.x_high - range_.x_low) * 0.03);
    x_ =
        Scale::linear(std::max(0.0, range_.x_low - room), range_.x_high + room, left, left + width);
    y_ = y_scale();
  }
  std::string draw();

 private:
  static constexpr double left = 84, right = 176, top = 64, width = 900, height = 320, below = 46;
  static constexpr double logarithmic_from = 30;  // span of positive values
  Scale y_scale() const;
  void axes();
  void marks();
  void series(const ChartSeries& series);
  void point(const ChartPoint& point, int style);
  void names();

  const LineChart& chart_;
  Range range_;
  Scale x_ = Scale::linear(0, 1, 0, 1), y_ = x_;
  Markup out_;
};

Scale LineChartDrawing::y_scale() const {
  const double bottom = top + height;
  if (chart_.y == Quantity::real) {
    const double extent = range_.y_high - range_.y_low;
    const double room = extent > 0 ? extent * 0.05 : std::max(1e-9, std::abs(range_.y_low) * 0.05);
    return Scale::linear(range_.y_low - room, range_.y_high + room, bottom, top);
  }
  if (range_.y_high > logarithmic_from * range_.y_least)
    return Scale::logarithmic(range_.y_least * 0.9, range_.y_high * 1.3, bottom, top);
  return Scale::linear(0, std::max(1.0, range_.y_high * 1.08), bottom, top);
}

std::vector<Tick> ticks_of(Quantity quantity, const Scale& scale, int count) {
  switch (quantity) {
    case Quantity::bytes: return byte_ticks(scale.low(), scale.high(), count);
    case Quantity::count: return count_ticks(scale.low(), scale.high(), count);
    case Quantity::real: return real_ticks(scale.low(), scale.high(), count);
  }
  return {};
}

void LineChartDrawing::axes() {
  std::vector<Tick> ticks;
  if (y_.is_logarithmic()) {
    ticks = chart_.y == Quantity::bytes ? byte_ticks_logarithmic(y_.low(), y_.high(), 9)
                                        : count_ticks_logarithmic(y_.low(), y_.high(), 9);
    if (range_.zero) ticks.push_back({0, "0"});
  } else {
    ticks = ticks_of(chart_.y, y_, 7);
  }
  for (const Tick& tick : ticks) {
    const double y = y_(tick.value);
    out_.lone("path",
              {{"class", "g"}, {"d", fmt::format("M{} {}h{}", left, number_text(y), width)}});
    out_.leaf("text", {{"class", "q"}, {"x", left - 8}, {"y", y + 4}, {"text-anchor", "end"}},
              tick.text);
  }
  for (const Tick& tick : ticks_of(chart_.x, x_, 10)) {
    const double x = x_(tick.value);
    out_.lone("path",
              {{"class", "x"}, {"d", fmt::format("M{} {}v5", number_text(x), top + height)}});
    out_.leaf("text",
              {{"class", "q"}, {"x", x}, {"y", top + height + 18}, {"text-anchor", "middle"}},
              tick.text);
  }
  out_.lone("rect",
            {{"class", "x"}, {"x", left}, {"y", top}, {"width", width}, {"height", height}});
  out_.leaf("text",
            {{"class", "q"},
             {"x", left + width / 2},
             {"y", top + height + 38},
             {"text-anchor", "middle"}},
            chart_.x_name);
  out_.leaf("text", {{"class", "q"}, {"x", left - 76}, {"y", 16.0}},
            chart_.y_name + (y_.is_logarithmic() ? " (logarithmic)" : ""));
}

// Names above the frame, in as many of three rows as keep them apart.
void LineChartDrawing::marks() {
  std::vector<ChartMark> marks = chart_.marks;
  std::stable_sort(marks.begin(), marks.end(),
                   [](const ChartMark& a, const ChartMark& b) { return a.x < b.x; });
  for (std::size_t i = 1; i < marks.size();) {  // one name for what is in one place
    if (marks[i].x > marks[i - 1].x) {
      ++i;
      continue;
    }
    marks[i - 1].name += ", " + marks[i].name;
    marks[i - 1].strong |= marks[i].strong;
    marks.erase(marks.begin() + i);
  }
  std::array<double, 3> taken{-INFINITY, -INFINITY, -INFINITY};
  for (const ChartMark& mark : marks) {
    const double x = x_(mark.x), half = text_width(mark.name) / 2 + 4;
    std::size_t row = 0;
    while (row + 1 < taken.size() && taken[row] > x - half) ++row;
    taken[row] = x + half;
    const double y = top - 6 - 14 * row;
    out_.lone("path",
              {{"class", mark.strong ? "vm dm" : "vm ml"},
               {"d", fmt::format("M{} {}V{}", number_text(x), number_text(y + 3), top + height)}});
    out_.leaf("text",
              {{"class", mark.strong ? "t" : "q"}, {"x", x}, {"y", y}, {"text-anchor", "middle"}},
              mark.name);
  }
}

// One sign per series, so that colour is not all that tells them apart.
std::string sign_path(int style, double x, double y) {
  constexpr std::array<const char*, series_count> signs{
      "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
      "m-4-4h8v8h-8z",
      "m0-5l5 5-5 5-5-5z",
      "m-4.5 4h9L0-4.5z",
      "m-4.5-4h9l-4.5 8z",
      "m-4-1h8v2h-8z"};
  if (style == 3)
    return fmt::format("M{} {}h9l-4.5-8.5z", number_text(x - 4.5), number_text(y + 4));
  return fmt::format("M{} {}{}", number_text(x), number_text(y), signs[style]);
}

void LineChartDrawing::point(const ChartPoint& point, int style) {
  const double x = x_(point.x), y = y_(point.y);
  if (point.at_least)
    out_.lone("path", {{"class", fmt::format("line c{}", style)},
                       {"stroke-dasharray", "2 2"},
                       {"d", fmt::format("M{} {}V{}m-5 0h10", number_text(x), number_text(y),
                                         number_text(y_(*point.at_least)))}});
  out_.open("path", {{"class", point.hollow ? fmt::format("bg hollow c{}", style)
                                            : fmt::format("p{}", style)},
                     {"d", sign_path(style, x, y)}});
  out_.leaf("title", {}, point.text);
  out_.close();
}

void LineChartDrawing::series(const ChartSeries& series) {
  std::string path;
  for (const ChartPoint& each : series.points)
    path += fmt::format("{}{} {}", path.empty() ? "M" : "L", number_text(x_(each.x)),
                        number_text(y_(each.y)));
  if (path.empty()) return;
  out_.lone("path", {{"class", fmt::format("line c{}", series.style)},
                     {"stroke-dasharray", series_dashes(series.style)},
                     {"d", path}});
  if (!series.signs) return;
  for (const ChartPoint& each : series.points) point(each, series.style);
}

void LineChartDrawing::names() {
  double y = top + 12;
  for (const ChartSeries& each : chart_.series) {
    const double x = left + width + 14;
    out_.lone("path", {{"class", fmt::format("line c{}", each.style)},
                       {"stroke-dasharray", series_dashes(each.style)},
                       {"d", fmt::format("M{} {}h30", x, y)}});
    if (each.signs)
      out_.lone("path", {{"class", fmt::format("p{}", each.style)},
                         {"d", sign_path(each.style, x + 15, y)}});
    out_.leaf("text", {{"class", "t"}, {"x", x + 38}, {"y", y + 4}}, each.name);
    y += 22;
  }
}

std::string LineChartDrawing::draw() {
  out_.open("svg",
            {{"xmlns", "http://www.w3.org/2000/svg"},
             {"class", "pic"},
             {"viewBox", fmt::format("0 0 {} {}", left + width + right, top + height + below)},
             {"role", "img"},
             {"aria-label", chart_.title}});
  axes();
  marks();
  // the first on top
  for (auto each = chart_.series.rbegin(); each != chart_.series.rend(); ++each) series(*each);
  names();
  return out_.finish();
}

}  // namespace

std::string line_chart_svg(const LineChart& chart) { return LineChartDrawing(chart).draw(); }

std::string bars_svg(const std::string& title, const std::vector<Bar>& bars) {
  constexpr double names = 116, whole = 560, values = 130, row = 24, thick = 15;
  double most = 0;
  for (const Bar& bar : bars) most = std::max(most, bar.value);
  const double high = 8 + row * bars.size();
  Markup out;
  out.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                   {"class", "pic"},
                   {"viewBox", fmt::format("0 0 {} {}", whole, high)},
                   {"role", "img"},
                   {"aria-label", title}});
  double y = 4;
  for (const Bar& bar : bars) {
    const double length = most > 0 ? bar.value / most * (whole - names - values) : 0;
    out.leaf("text", {{"class", "t"}, {"x", names - 8}, {"y", y + 14}, {"text-anchor", "end"}},
             bar.name);
    out.lone("rect", {{"class", fmt::format("p{}", bar.style)},
                      {"x", names},
                      {"y", y + 2},
                      {"width", std::max(length, 1.0)},
                      {"height", thick},
                      {"rx", 2.0}});
    out.leaf("text", {{"class", "t"}, {"x", names + std::max(length, 1.0) + 8}, {"y", y + 14}},
             bar.text);
    y += row;
  }
  return out.finish();
}

}  // namespace pliant::report
