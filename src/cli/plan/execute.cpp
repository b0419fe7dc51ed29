#include "cli/plan/execute.h"

#include <fmt/format.h>

#include "cli/network/feed.h"
#include "core/error.h"
#include "machine/scratchpad/execute.h"
#include "machine/scratchpad/kernel_operators.h"

namespace pliant::cli {
namespace {

// Each frame has contents of its own; all but the inputs are the same.
ExecutionReport compare(const plan::Problem& problem, const plan::Plan& plan,
                        scratchpad::Operators& operators,
                        const std::vector<scratchpad::Contents>& frames, std::string kernels) {
  ExecutionReport report;
  report.kernels = std::move(kernels);
  report.frames = static_cast<int>(frames.size());
  report.outputs_equal = true;
  const std::vector<scratchpad::Execution> runs =
      scratchpad::execute_frames(problem, plan, operators, frames);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const scratchpad::Execution& run = runs[i];
    plan::SecondLevel none;
    none.off_chip_bytes = plan.traffic_bytes;
    const plan::SecondLevel& level = plan.second_level ? *plan.second_level : none;
    if (run.second_level_bytes != level.moved_bytes)
      throw Error(
          ErrorKind::invalid, "execution",
          fmt::format("copied {} bytes to and from the second level, but the plan claims {}",
                      run.second_level_bytes, level.moved_bytes));
    if (run.traffic_bytes() != level.off_chip_bytes ||
        run.compulsory_bytes != plan.compulsory_bytes)
      throw Error(
          ErrorKind::invalid, "execution",
          fmt::format("copied {} + {} bytes, but the plan claims {} + {}", run.traffic_bytes(),
                      run.compulsory_bytes, level.off_chip_bytes, plan.compulsory_bytes));
    report.outputs_equal =
        report.outputs_equal &&
        run.outputs == scratchpad::execute_unconstrained(problem, operators, frames[i]);
    report.traffic_bytes = run.traffic_bytes();
    report.compulsory_bytes = run.compulsory_bytes;
    report.second_level_bytes = run.second_level_bytes;
    report.loads = run.loads;
    report.stores = run.stores;
    report.highest_byte = run.highest_byte;
  }
  return report;
}

// A frame of the steady state must be like the one before it.
int frames_of(const plan::Plan& plan) { return plan.frame ? 2 : 1; }

ExecutionReport with_kernels(const NetworkSubject& subject, const plan::Plan& plan,
                             const Invocation& context) {
  const OpenedNetwork& network = *subject.network;
  scratchpad::KernelOperators operators(network.graph, subject.mapping, network.weights,
                                        context.pool());
  FeedOptions random;
  if (!network.graph.inputs().empty()) random.inputs = {"random"};
  std::vector<scratchpad::Contents> frames;
  for (int frame = 0; frame < frames_of(plan); ++frame) {
    random.seed = static_cast<std::uint64_t>(context.common.seed + frame);
    const std::vector<Tensor> inputs = feed(network.graph, random);
    std::vector<TensorView> views;
    for (const Tensor& each : inputs) views.push_back(each.view());
    frames.push_back(operators.contents(views));
  }
  return compare(subject.problem(), plan, operators, frames, "native");
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
  return compare(subject.problem(), plan, operators, frames, "hash");
}

}  // namespace

ExecutionReport execute_plan(const NetworkSubject& subject, const plan::Plan& plan,
                             const Invocation& context) {
  if (subject.runs) return with_kernels(subject, plan, context);
  return with_hashes(subject, plan, static_cast<std::uint64_t>(context.common.seed));
}

}  // namespace pliant::cli
