// A problem that is read is written and read again as the same; both readers agree on what a
// problem is.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "plan/checker/checker.h"
#include "plan/format/problem.h"

namespace {

constexpr std::string_view kNoPlan =
    R"({"scratchpad_bytes": 0, "alignment": 1, "status": "feasible",
  "traffic_bytes": 0, "compulsory_bytes": 0, "lower_bound_bytes": 0, "bound_origin": "", "order": [],
  "workspaces": [], "residencies": [], "events": []})";

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    pliant::checker::check_json(text, kNoPlan);
  } catch (const pliant::Error&) {
  }
  pliant::plan::Problem problem;
  try {
    problem = pliant::plan::problem_from_json(text, "fuzz");
  } catch (const pliant::Error&) {
    return 0;
  }
  pliant::plan::validate(problem);
  require(pliant::plan::problem_from_json(pliant::plan::problem_to_json(problem), "again") ==
          problem);
  require(pliant::checker::check_json(text, kNoPlan).accepted == problem.operators.empty());
  return 0;
}
