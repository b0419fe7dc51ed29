#include "machine/encrypted/einsum/plan/finish.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pliant::einsum {
namespace {

// The bound of what a step works with: sums are checked by the bounds of their terms, before it is
// known that those do not meet in a slot, or that whoever planned knows better.
double peak(const ProgramStep& step, const Program& program) {
  if (const auto* add = std::get_if<Add>(&step.action))
    return program.values[add->left].magnitude + program.values[add->right].magnitude;
  if (const auto* add = std::get_if<AddPlain>(&step.action))
    return program.values[add->of].magnitude + bound(program.plains[add->by], program);
  double most = 1;
  for (const CipherId id : step.out) most = std::max(most, program.values[id].magnitude);
  return std::holds_alternative<Transform>(step.action) ? 2 * most : most;
}

// By how many levels all must be raised so that every value fits the modulus of its own, with a bit
// left for the sign and half a one for the noise.
int missing_levels(const Program& program, const PlanOptions& options) {
  double missing = 0;
  for (const ProgramStep& step : program.steps) {
    const State& state = program.values[step.out[0]];
    const double bits = std::log2(peak(step, program)) + state.factors * options.scale_bits + 1.5;
    const double room = options.first_bits + state.level * options.scale_bits;
    missing = std::max(missing, std::ceil((bits - room) / options.scale_bits));
  }
  return static_cast<int>(missing);
}

}  // namespace

SlotLayout input_layout(const EinsumProblem& problem, std::size_t input, std::int64_t slots) {
  if (!problem.inputs[input].secret) return {};
  if (problem.inputs[input].layout) return *problem.inputs[input].layout;
  std::string labels = problem.input_labels[input];
  labels.resize(problem.inputs[input].shape.size(), '_');
  return row_major(labels, problem.inputs[input].shape, slots);
}

ProgramBuilder new_builder(const EinsumProblem& problem, const PlanOptions& options) {
  std::vector<double> magnitudes;
  for (const EinsumOperand& input : problem.inputs) magnitudes.push_back(input.magnitude);
  return ProgramBuilder(options.slots, std::move(magnitudes));
}

std::vector<PlacedTensor> begin(const EinsumProblem& problem, ProgramBuilder& builder) {
  std::vector<PlacedTensor> values;
  for (std::size_t i = 0; i < problem.inputs.size(); ++i)
    values.push_back(
        problem.inputs[i].secret
            ? builder.input(static_cast<int>(i), input_layout(problem, i, builder.slots()))
            : PlacedTensor{});
  return values;
}

Plan finish(const EinsumProblem& problem, ProgramBuilder& builder,
            const std::vector<PlacedTensor>& outputs, const PlanOptions& options) {
  Plan plan{.expression = problem.text};
  for (std::size_t i = 0; i < problem.inputs.size(); ++i)
    plan.inputs.push_back({problem.inputs[i].shape, problem.inputs[i].secret,
                           input_layout(problem, i, options.slots)});
  std::vector<CipherId> ids;
  for (const PlacedTensor& output : outputs) {
    PlannedOutput planned{shape(output.layout), output.layout, {}};
    for (const std::int64_t number : ciphertexts(output.layout))
      planned.ciphertexts.push_back(output.ciphertexts.at(number));
    ids.insert(ids.end(), planned.ciphertexts.begin(), planned.ciphertexts.end());
    plan.outputs.push_back(std::move(planned));
  }
  plan.program = builder.take(std::move(ids));
  if (options.rotations != Rotations::any) {
    const Counts before = counts(plan.program);
    compose_rotations(plan.program, options.rotations);
    const Counts after = counts(plan.program);
    plan.reasons.push_back(
        fmt::format("rotations: by powers of two alone{}, {} with {} keys in place of {} with {}",
                    options.rotations == Rotations::signed_powers ? ", forth and back" : "",
                    after.rotations, after.keys, before.rotations, before.keys));
  }
  assign_levels(plan.program, 0);
  std::vector<SlotLayout> layouts;
  for (const PlannedInput& input : plan.inputs) layouts.push_back(input.layout);
  assign_magnitudes(plan.program, layouts);
  plan.last_level = missing_levels(plan.program, options);
  raise_levels(plan.program, plan.last_level);
  return plan;
}

}  // namespace pliant::einsum
