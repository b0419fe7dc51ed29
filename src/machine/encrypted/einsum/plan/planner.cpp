#include "machine/encrypted/einsum/plan/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/einhops.h"
#include "machine/encrypted/einsum/plan/packing.h"
#include "machine/encrypted/einsum/plan/search.h"

namespace pliant::einsum {

constexpr double kAnyPrice = 1e6;
constexpr int kCompared = 4;  // plans of which the quickest is taken

Plan plan(const std::string& expression, std::span<const EinsumOperand> operands,
          const PlanOptions& options) {
  Stage stage{expression, {}};
  for (std::size_t i = 0; i < operands.size(); ++i) stage.operands.push_back(static_cast<int>(i));
  return plan(std::span(&stage, 1), operands, options);
}

namespace {

bool has_levels(const Plan& plan, const PlanOptions& options) {
  return options.levels < 0 || plan.levels() <= options.levels;
}

// The quickest first, of those with few enough levels.
std::vector<Plan> planned(const EinsumProblem& problem, const PlanOptions& options, int most) {
  std::vector<Plan> plans;
  if (options.planner == Planner::einhops) plans.push_back(plan_einhops(problem, options));
  else
    for (const Choice& choice : choices(problem, options, most))
      plans.push_back(emit(problem, choice, options));
  if (options.times != nullptr) {
    const auto seconds = [&](const Plan& plan) {
      return predict(plan.program, *options.times).evaluation;
    };
    for (Plan& plan : plans)
      plan.reasons.push_back(fmt::format("predicted: {:.1f} ms", 1000 * seconds(plan)));
    std::ranges::stable_sort(plans, {}, seconds);
  }
  std::stable_partition(plans.begin(), plans.end(),
                        [&](const Plan& plan) { return has_levels(plan, options); });
  return plans;
}

void require_slots(const EinsumProblem& problem, std::span<const EinsumOperand> operands,
                   const PlanOptions& options) {
  for (const EinsumOperand& operand : operands)
    if (operand.layout && operand.layout->slots != options.slots)
      throw Error(ErrorKind::invalid, "einsum " + problem.text,
                  fmt::format("a layout of {} slots, planned for {}", operand.layout->slots,
                              options.slots));
}

}  // namespace

Plan plan(std::span<const Stage> stages, std::span<const EinsumOperand> operands,
          const PlanOptions& options) {
  const int most = options.times == nullptr ? 1 : kCompared;
  return std::move(alternatives(stages, operands, options, most).front());
}

std::vector<Plan> alternatives(std::span<const Stage> stages,
                               std::span<const EinsumOperand> operands, const PlanOptions& options,
                               int most) {
  EinsumProblem problem = read_problem(stages, operands);
  std::optional<Halving> halves;
  if (options.complex_slots && options.planner == Planner::layouts) halves = halving(problem);
  if (halves) problem = halved(std::move(problem), *halves);
  require_slots(problem, operands, options);
  if (most < 1) throw Error(ErrorKind::usage, "einsum " + problem.text, "no plan is asked for");
  std::vector<Plan> plans = planned(problem, options, most);
  if (!has_levels(plans.front(), options)) {  // fewest levels, whatever that costs
    PlanOptions shallow = options;
    shallow.costs.level = kAnyPrice;
    plans = planned(problem, shallow, most);
  }
  const Plan& best = plans.front();
  if (!has_levels(best, options))
    throw Error(
        ErrorKind::capacity, "einsum " + problem.text,
        fmt::format("needs {} levels, this parameter set has {}", best.levels(), options.levels),
        "choose parameters with more levels; there is no bootstrapping");
  std::erase_if(plans, [&](const Plan& plan) { return !has_levels(plan, options); });
  if (halves)
    for (Plan& plan : plans) mark_halves(plan, problem, *halves);
  return plans;
}

}  // namespace pliant::einsum
