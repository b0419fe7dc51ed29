#include "train/recipe/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pliant::train {

Schedule::Schedule(const ScheduleRecipe& recipe, double highest, std::int64_t steps,
                   std::int64_t decay_from)
    : recipe_(recipe), highest_(highest), steps_(steps), decay_from_(decay_from) {}

double Schedule::rate(std::int64_t step) const {
  const double lowest = highest_ * recipe_.final;
  if (step < recipe_.warmup) {
    const double share = static_cast<double>(step) / static_cast<double>(recipe_.warmup);
    return recipe_.warmup_from + share * (highest_ - recipe_.warmup_from);
  }
  if (recipe_.kind == ScheduleKind::cosine) {
    const auto period = static_cast<double>(std::max<std::int64_t>(1, steps_ - recipe_.warmup + 1));
    const double x = std::min(1.0, static_cast<double>(step - recipe_.warmup) / period);
    return lowest + 0.5 * (highest_ - lowest) * (1 + std::cos(std::numbers::pi * x));
  }
  if (step < decay_from_) return highest_;
  const auto length = static_cast<double>(std::max<std::int64_t>(1, steps_ - decay_from_));
  const double x = std::min(1.0, static_cast<double>(step - decay_from_) / length);
  return lowest + (highest_ - lowest) * (1 - std::sqrt(x));
}

}  // namespace pliant::train
