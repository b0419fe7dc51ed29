// Charts of a few series, as SVG for a page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pliant::report {

struct ChartPoint {
  double x = 0, y = 0;
  bool hollow = false;             // not certain
  std::optional<double> at_least;  // lower end of a whisker
  std::string text;                // shown under the pointer
};

struct ChartSeries {
  std::string name;
  int style = 0;                   // 0 to series_count - 1
  std::vector<ChartPoint> points;  // x ascending
  bool signs = true;               // on the points; many make a band
};

struct ChartMark {  // a vertical line with a name above it
  std::string name;
  double x = 0;
  bool strong = false;
};

// What an axis counts. A real one shows the range of its values, the others begin at 0.
enum class Quantity : std::uint8_t { bytes, count, real };

struct LineChart {
  std::string title, x_name, y_name;
  Quantity x = Quantity::bytes, y = Quantity::bytes;
  std::vector<ChartSeries> series = {};  // at least one point in all
  std::vector<ChartMark> marks = {};
};

// The y axis is logarithmic, with a line for 0, where what is counted spans more than a factor of
// 30.
std::string line_chart_svg(const LineChart& chart);

struct Bar {
  std::string name;
  double value = 0;  // >= 0
  std::string text;  // the value as written behind the bar
  int style = 0;
};

// Horizontal bars on one scale from 0, names to the left.
std::string bars_svg(const std::string& title, const std::vector<Bar>& bars);

}  // namespace pliant::report
