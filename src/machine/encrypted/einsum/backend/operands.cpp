#include "machine/encrypted/einsum/backend/operands.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace pliant::einsum {

std::vector<double> elements_of(const TensorView& view) {
  std::vector<double> result(elements(view.type.shape));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = get(view, i);
  return result;
}

void require_fits(const Plan& plan, const Backend& backend) {
  if (backend.slots() != plan.program.slots)
    throw Error(ErrorKind::capacity, "einsum " + plan.expression,
                fmt::format("planned for {} slots, {} has {}", plan.program.slots, backend.name(),
                            backend.slots()),
                "plan for the slots that the parameters have");
  if (backend.levels() < plan.levels())
    throw Error(ErrorKind::capacity, "einsum " + plan.expression,
                fmt::format("the plan needs {} levels, {} has {}", plan.levels(), backend.name(),
                            backend.levels()),
                "choose parameters with more levels; there is no bootstrapping");
}

void require_tensor(const Plan& plan, std::size_t i, const TensorView& view) {
  const std::string place = fmt::format("einsum {}, operand {}", plan.expression, i);
  if (view.type.shape != plan.inputs[i].shape)
    throw Error(ErrorKind::invalid, place,
                fmt::format("shape {}, planned for {}", to_string(view.type.shape),
                            to_string(plan.inputs[i].shape)));
  const double bound = plan.program.magnitudes[i];
  for (std::int64_t e = 0; e < elements(view.type.shape); ++e)
    if (!(std::abs(get(view, e)) <= bound))
      throw Error(ErrorKind::invalid, place,
                  fmt::format("element {} is {}, planned for at most {}", e, get(view, e), bound),
                  "plan with a larger magnitude");
}

void require_plain(const Plan& plan, std::span<const TensorView> tensors) {
  if (tensors.size() != plan.inputs.size())
    throw Error(ErrorKind::invalid, "einsum " + plan.expression,
                fmt::format("{} operands, planned for {}", tensors.size(), plan.inputs.size()));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (!plan.inputs[i].secret) require_tensor(plan, i, tensors[i]);
}

}  // namespace pliant::einsum
