#include <fmt/format.h>

#include <algorithm>

#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

int Plan::levels() const {
  int most = last_level;
  for (const ProgramStep& step : program.steps)
    for (const CipherId id : step.out) most = std::max(most, program.values[id].level);
  return most;
}

namespace {

std::string halves_text(int halved) {
  return halved < 0 ? ""
                    : fmt::format(", the second half of axis {} in the imaginary parts", halved);
}

}  // namespace

std::string explain(const Plan& plan) {
  std::string text =
      fmt::format("{} in ciphertexts of {} slots\n", plan.expression, plan.program.slots);
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const PlannedInput& input = plan.inputs[i];
    text += fmt::format("input {} {}: {}{}\n", i, to_string(input.shape),
                        input.secret ? "encrypted, " + to_string(input.layout) : "plain",
                        halves_text(input.halved));
    if (input.secret) text += picture(input.layout);
  }
  for (const std::string& reason : plan.reasons) text += reason + "\n";
  text += to_text(plan.program);
  for (std::size_t i = 0; i < plan.outputs.size(); ++i)
    text += fmt::format("output {} {}: {}{}\n{}", i, to_string(plan.outputs[i].shape),
                        to_string(plan.outputs[i].layout), halves_text(plan.outputs[i].halved),
                        picture(plan.outputs[i].layout));
  text += to_string(counts(plan.program)) + "\n";
  const KeyNeed need = keys(plan.program);
  if (need.relinearization >= 0)
    text += fmt::format("relinearization key at level {}\n", need.relinearization);
  for (const KeyNeed::Rotation& key : need.rotations)
    text += fmt::format("rotation key {} at level {}\n", key.steps, key.level);
  return text;
}

}  // namespace pliant::einsum
