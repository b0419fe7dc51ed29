// --sweep: which sizes, and the problem planned at each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/plan/sizes.h"
#include "command/verb.h"
#include "plan/sweep.h"

namespace pliant::cli {

inline constexpr const char* default_sweep = "12";

// "12": so many sizes from M_R to above M_P. "256KiB:1MiB:12" or "MR:MP:12": evenly from one to the
// other. "512KiB,1MiB": a list. Throws Error{usage} naming --sweep for anything else.
struct SweepRequest {
  std::int64_t count = 0;          // of a number or range
  std::vector<std::string> sizes;  // the two ends of a range (count > 0), or the list
};
SweepRequest sweep_request(const std::string& text);

// Throws Error{usage} for a size in which an operator does not fit, naming it.
std::vector<std::int64_t> sweep_sizes(const SweepRequest& request, const plan::Problem& problem,
                                      std::int64_t alignment, PlanSizes& sizes);

// With progress, and a warning when it ended early. `solve` plans at one size.
std::vector<plan::SweepPoint> run_sweep(const plan::Problem& problem,
                                        const std::vector<std::int64_t>& bytes,
                                        const plan::SolveOptions& options, PlanSizes& sizes,
                                        const std::function<plan::Plan(std::int64_t)>& solve,
                                        const Invocation& context);

}  // namespace pliant::cli
