#include "cli/plan/execute.h"

#include "machine/scratchpad/compare.h"
#include "machine/scratchpad/kernel_operators.h"
#include "open/network/inputs.h"

namespace pliant::cli {
namespace {

// A frame of the steady state must be like the one before it.
int frames_of(const plan::Plan& plan) { return plan.frame ? 2 : 1; }

ExecutionReport with_kernels(const NetworkSubject& subject, const plan::Plan& plan,
                             const Invocation& context) {
  const OpenedNetwork& network = *subject.network;
  scratchpad::KernelOperators operators(network.graph, subject.mapping, network.weights,
                                        context.pool());
  InputSources random;
  if (!network.graph.inputs().empty()) random.texts = {"random"};
  std::vector<scratchpad::Contents> frames;
  for (int frame = 0; frame < frames_of(plan); ++frame) {
    random.seed = static_cast<std::uint64_t>(context.common.seed + frame);
    const std::vector<Tensor> inputs = read_inputs(network.graph, random);
    std::vector<TensorView> views;
    for (const Tensor& each : inputs) views.push_back(each.view());
    frames.push_back(operators.contents(views));
  }
  return {scratchpad::compare_with_unlimited(subject.problem(), plan, operators, frames), "native"};
}

ExecutionReport with_hashes(const NetworkSubject& subject, const plan::Plan& plan,
                            std::uint64_t seed) {
  scratchpad::HashOperators operators(subject.problem(), seed);
  std::vector<scratchpad::Contents> frames{scratchpad::random_contents(subject.problem(), seed)};
  if (frames_of(plan) > 1) {
    frames.push_back(scratchpad::random_contents(subject.problem(), seed + 1));
    for (std::size_t t = 0; t < subject.problem().tensors.size(); ++t)
      if (subject.problem().tensors[t].role == plan::Role::weight) frames[1][t] = frames[0][t];
  }
  return {scratchpad::compare_with_unlimited(subject.problem(), plan, operators, frames), "hash"};
}

}  // namespace

ExecutionReport execute_plan(const NetworkSubject& subject, const plan::Plan& plan,
                             const Invocation& context) {
  if (subject.runs) return with_kernels(subject, plan, context);
  return with_hashes(subject, plan, static_cast<std::uint64_t>(context.common.seed));
}

}  // namespace pliant::cli
