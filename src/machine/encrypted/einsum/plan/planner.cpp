#include "machine/encrypted/einsum/plan/planner.h"

#include <utility>

#include "machine/encrypted/einsum/plan/einhops.h"
#include "machine/encrypted/einsum/plan/search.h"

namespace pliant::einsum {

Plan plan(const std::string& expression, std::span<const Operand> operands,
          const PlanOptions& options) {
  Stage stage{expression, {}};
  for (std::size_t i = 0; i < operands.size(); ++i) stage.operands.push_back(static_cast<int>(i));
  return plan(std::span(&stage, 1), operands, options);
}

Plan plan(std::span<const Stage> stages, std::span<const Operand> operands,
          const PlanOptions& options) {
  const Problem problem = read_problem(stages, operands);
  if (options.planner == Planner::einhops) return plan_einhops(problem, options);
  return emit(problem, search(problem, options), options);
}

}  // namespace pliant::einsum
