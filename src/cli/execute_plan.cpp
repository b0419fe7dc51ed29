#include "cli/execute_plan.h"

#include <fmt/format.h>

#include "cli/feed.h"
#include "core/error.h"
#include "machine/scratchpad/execute.h"
#include "machine/scratchpad/kernel_operators.h"

namespace pliant::cli {
namespace {

ExecutionReport compare(const plan::Problem& problem, const plan::Plan& plan, scratchpad::Operators& operators,
                        const scratchpad::Contents& contents, std::string kernels) {
  const scratchpad::Execution run = scratchpad::execute(problem, plan, operators, contents);
  if (run.traffic_bytes() != plan.traffic_bytes || run.compulsory_bytes != plan.compulsory_bytes)
    throw Error(ErrorKind::invalid, "execution",
                fmt::format("copied {} + {} bytes, but the plan claims {} + {}", run.traffic_bytes(),
                            run.compulsory_bytes, plan.traffic_bytes, plan.compulsory_bytes));
  const bool equal = run.outputs == scratchpad::execute_unconstrained(problem, operators, contents);
  return {std::move(kernels), equal,      run.traffic_bytes(), run.compulsory_bytes,
          run.loads,          run.stores, run.highest_byte};
}

ExecutionReport with_kernels(const Subject& subject, const plan::Plan& plan, const Context& context) {
  const OpenedNetwork& network = *subject.network;
  scratchpad::KernelOperators operators(network.graph, *subject.mapping, network.weights, context.pool());
  FeedOptions random;
  if (!network.graph.inputs().empty()) random.inputs = {"random"};
  random.seed = static_cast<std::uint64_t>(context.common.seed);
  const std::vector<Tensor> inputs = feed(network.graph, random);
  std::vector<TensorView> views;
  for (const Tensor& each : inputs) views.push_back(each.view());
  return compare(subject.problem, plan, operators, operators.contents(views), "native");
}

}  // namespace

ExecutionReport execute_plan(const Subject& subject, const plan::Plan& plan, const Context& context) {
  if (subject.runs) return with_kernels(subject, plan, context);
  const auto seed = static_cast<std::uint64_t>(context.common.seed);
  scratchpad::HashOperators operators(subject.problem, seed);
  return compare(subject.problem, plan, operators, scratchpad::random_contents(subject.problem, seed), "hash");
}

}  // namespace pliant::cli
