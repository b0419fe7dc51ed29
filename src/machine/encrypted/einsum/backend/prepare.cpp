#include "machine/encrypted/einsum/backend/prepare.h"

#include <algorithm>
#include <cmath>

#include "graph/reference/reference.h"
#include "machine/encrypted/einsum/backend/operands.h"

namespace pliant::einsum {
namespace {

// What a Clear gives, by the reference evaluator, in f64.
std::vector<double> clear_values(const Clear& clear, std::span<const TensorView> tensors) {
  std::vector<Tensor> operands;
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < clear.operands.size(); ++i) {
    operands.emplace_back(TensorType{DType::f64, clear.shapes[i]});
    std::ranges::copy(elements_of(tensors[clear.operands[i]]), operands[i].span<double>().begin());
    views.push_back(operands[i].view());
  }
  const Tensor out(TensorType{DType::f64, clear.shape});
  const std::vector<TensorView> results{out.view()};
  ThreadPool pool(1);
  evaluate(Op{kind::Einsum{clear.in, clear.out}, {}, {}, ""}, views, results, pool);
  return elements_of(out.view());
}

}  // namespace

std::size_t Prepared::bytes() const {
  std::size_t sum = 0;
  for (const auto& step : steps) sum += step == nullptr ? 0 : step->bytes();
  return sum;
}

Preparing::Preparing(const Program& program, Backend& backend, std::span<const TensorView> tensors)
    : program_(program), backend_(backend) {
  for (const Clear& clear : program_.clears) {
    std::vector<double> values;
    for (const ClearId part : clear.parts)
      values.insert(values.end(), clears_[part].begin(), clears_[part].end());
    clears_.push_back(clear.parts.empty() ? clear_values(clear, tensors) : std::move(values));
  }
}

std::span<const double> Preparing::slots_of(PlainId id) {
  const Plain& plain = program_.plains[id];
  slots_.assign(program_.slots, 0);
  for (const Plain::Cell& cell : plain.cells)
    slots_[cell.slot] +=
        plain.factor * (plain.tensor == ClearId::none ? 1 : clears_[plain.tensor][cell.element]);
  return slots_;
}

Backend::Values Preparing::values(const Transform& transform) {
  return [this, &transform](std::size_t i) { return slots_of(transform.terms[i].plain); };
}

Backend::Plaintext Preparing::encoded(PlainId id, int level) {
  const std::span<const double> slots = slots_of(id);
  return backend_.encode(slots, level, largest(slots));
}

Backend::Plaintext Preparing::plaintext(std::size_t step) {
  const Action& action = program_.steps[step].action;
  if (const auto* by = std::get_if<MultiplyPlain>(&action))
    return encoded(by->by, program_.values[by->of].level);
  if (const auto* add = std::get_if<AddPlain>(&action))
    return encoded(add->by, program_.values[add->of].level);
  return nullptr;
}

std::vector<Backend::Cipher> Preparing::transform(std::size_t step,
                                                  std::span<const Backend::Cipher> of,
                                                  double magnitude) {
  const auto& how = std::get<Transform>(program_.steps[step].action);
  return backend_.transform(of, how, values(how), program_.values[how.of[0]].level, magnitude);
}

std::shared_ptr<const Backend::Object> Preparing::of(std::size_t step) {
  const auto* how = std::get_if<Transform>(&program_.steps[step].action);
  if (how == nullptr) return plaintext(step);
  return backend_.prepare(*how, values(*how), program_.values[how->of[0]].level);
}

Prepared prepare(const Plan& plan, Backend& backend, std::span<const TensorView> tensors) {
  require_fits(plan, backend);
  require_plain(plan, tensors);
  Preparing preparing(plan.program, backend, tensors);
  Prepared result;
  for (std::size_t i = 0; i < plan.program.steps.size(); ++i)
    result.steps.push_back(preparing.of(i));
  return result;
}

}  // namespace pliant::einsum
