#include "cli/plan/sizes.h"

#include <fmt/format.h>

#include "core/checked.h"

namespace pliant::cli {

bool is_size_name(std::string_view text) { return text == "MR" || text == "MH" || text == "MP"; }

const plan::ScratchpadSizes& PlanSizes::all() {
  if (sizes_) return *sizes_;
  sizes_ = plan::scratchpad_sizes(problem_, solve_, context_.pool());
  if (!sizes_->peak_exact)
    context_.log.warning(
        fmt::format("M_P is between {} and {} B: a limit ended its search; the upper end is used",
                    grouped_text(sizes_->peak_lower), grouped_text(sizes_->peak)));
  return *sizes_;
}

std::int64_t PlanSizes::named(const std::string& name) {
  if (name == "MR") return plan::required_size(problem_, solve_.alignment).bytes;
  // The search relaxes alignment; a size that is a multiple of it loses nothing by that.
  return round_up(name == "MP" ? all().peak : all().half, solve_.alignment);
}

}  // namespace pliant::cli
