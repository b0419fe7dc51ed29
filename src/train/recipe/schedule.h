// The rate of each step.
#pragma once

#include <cstdint>

#include "train/recipe/recipe.h"

namespace pliant::train {

// Warm-up in a line from warmup_from to the highest rate, then a cosine down to `final` of it over
// all that is left (as OpenELM's code has it: the first step after the warm-up has the highest
// rate, the step after the last one the lowest), or a plateau and a fall by 1 - sqrt(x) from step
// decay_from on (WSD; arXiv 2405.18392).
class Schedule {
 public:
  // steps: of the run; decay_from: wsd. Those not known yet are never.
  Schedule(const ScheduleRecipe& recipe, double highest, std::int64_t steps,
           std::int64_t decay_from);
  static constexpr std::int64_t never = std::int64_t{1} << 60;

  double rate(std::int64_t step) const;  // step counts from 0

 private:
  ScheduleRecipe recipe_;
  double highest_;
  std::int64_t steps_, decay_from_;
};

}  // namespace pliant::train
