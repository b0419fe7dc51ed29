#include "machine/scratchpad/compare.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::scratchpad {

Comparison compare_with_unlimited(const plan::Problem& problem, const plan::Plan& plan,
                                  Operators& operators, const std::vector<Contents>& frames) {
  Comparison result;
  result.frames = static_cast<int>(frames.size());
  result.outputs_equal = true;
  const std::vector<Execution> runs = execute_frames(problem, plan, operators, frames);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Execution& run = runs[i];
    plan::SecondLevel none;
    none.off_chip_bytes = plan.traffic_bytes;
    const plan::SecondLevel& level = plan.second_level ? *plan.second_level : none;
    if (run.second_level_bytes != level.moved_bytes)
      throw Error(
          ErrorKind::invalid, "execution",
          fmt::format("copied {} bytes to and from the second level, but the plan claims {}",
                      run.second_level_bytes, level.moved_bytes));
    if (run.traffic_bytes() != level.off_chip_bytes ||
        run.compulsory_bytes != plan.compulsory_bytes)
      throw Error(
          ErrorKind::invalid, "execution",
          fmt::format("copied {} + {} bytes, but the plan claims {} + {}", run.traffic_bytes(),
                      run.compulsory_bytes, level.off_chip_bytes, plan.compulsory_bytes));
    result.outputs_equal =
        result.outputs_equal && run.outputs == execute_unconstrained(problem, operators, frames[i]);
    result.traffic_bytes = run.traffic_bytes();
    result.compulsory_bytes = run.compulsory_bytes;
    result.second_level_bytes = run.second_level_bytes;
    result.loads = run.loads;
    result.stores = run.stores;
    result.highest_byte = run.highest_byte;
  }
  return result;
}

}  // namespace pliant::scratchpad
