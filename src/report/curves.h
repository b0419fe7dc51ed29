// Curves over the steps of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/chart.h"

namespace pliant::report {

struct AtStep {
  std::int64_t step = 0;
  double value = 0;
};

// Some 400 of the values, the last one among them: more cannot be told apart.
ChartSeries curve(std::string name, int style, const std::vector<AtStep>& values);
// Series without a point are left out.
LineChart steps_chart(std::string title, std::string y_name, std::vector<ChartSeries> series);

}  // namespace pliant::report
