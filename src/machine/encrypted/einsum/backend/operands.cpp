#include "machine/encrypted/einsum/backend/operands.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace pliant::einsum {

std::vector<double> elements_of(const TensorView& view) {
  std::vector<double> result(elements(view.type.shape));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = get(view, i);
  return result;
}

namespace {

// Runs of elements that are in the same half alternate.
std::size_t run_of(const Shape& shape, int axis) {
  std::int64_t run = 1;
  for (std::size_t i = static_cast<std::size_t>(axis); i < shape.size(); ++i) run *= shape[i];
  return static_cast<std::size_t>(run / 2);
}

}  // namespace

Halves halves(std::span<const double> elements, const Shape& shape, int axis) {
  const std::size_t run = run_of(shape, axis);
  Halves result;
  for (std::size_t at = 0; at < elements.size(); at += 2 * run) {
    const auto from = elements.begin() + static_cast<std::ptrdiff_t>(at),
               middle = from + static_cast<std::ptrdiff_t>(run);
    result.first.insert(result.first.end(), from, middle);
    result.second.insert(result.second.end(), middle, middle + static_cast<std::ptrdiff_t>(run));
  }
  return result;
}

std::vector<double> whole(const Halves& halves, const Shape& shape, int axis) {
  const auto run = static_cast<std::ptrdiff_t>(run_of(shape, axis));
  std::vector<double> result;
  for (auto first = halves.first.begin(), second = halves.second.begin();
       first != halves.first.end(); first += run, second += run) {
    result.insert(result.end(), first, first + run);
    result.insert(result.end(), second, second + run);
  }
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
