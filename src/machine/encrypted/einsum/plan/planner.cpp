#include "machine/encrypted/einsum/plan/planner.h"

#include <fmt/format.h>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/einhops.h"
#include "machine/encrypted/einsum/plan/search.h"

namespace pliant::einsum {

constexpr double kAnyPrice = 1e6;

Plan plan(const std::string& expression, std::span<const EinsumOperand> operands,
          const PlanOptions& options) {
  Stage stage{expression, {}};
  for (std::size_t i = 0; i < operands.size(); ++i) stage.operands.push_back(static_cast<int>(i));
  return plan(std::span(&stage, 1), operands, options);
}

namespace {

Plan planned(const EinsumProblem& problem, const PlanOptions& options) {
  if (options.planner == Planner::einhops) return plan_einhops(problem, options);
  return emit(problem, search(problem, options), options);
}

bool has_levels(const Plan& plan, const PlanOptions& options) {
  return options.levels < 0 || plan.levels() <= options.levels;
}

}  // namespace

Plan plan(std::span<const Stage> stages, std::span<const EinsumOperand> operands,
          const PlanOptions& options) {
  const EinsumProblem problem = read_problem(stages, operands);
  for (const EinsumOperand& operand : operands)
    if (operand.layout && operand.layout->slots != options.slots)
      throw Error(ErrorKind::invalid, "einsum " + problem.text,
                  fmt::format("a layout of {} slots, planned for {}", operand.layout->slots,
                              options.slots));
  Plan best = planned(problem, options);
  if (!has_levels(best, options)) {  // fewest levels, whatever that costs
    PlanOptions shallow = options;
    shallow.costs.level = kAnyPrice;
    best = planned(problem, shallow);
  }
  if (!has_levels(best, options))
    throw Error(
        ErrorKind::capacity, "einsum " + problem.text,
        fmt::format("needs {} levels, this parameter set has {}", best.levels(), options.levels),
        "choose parameters with more levels; there is no bootstrapping");
  return best;
}

}  // namespace pliant::einsum
