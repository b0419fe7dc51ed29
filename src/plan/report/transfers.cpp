#include "plan/report/transfers.h"

namespace pliant::plan {

std::vector<Transfer> transfers(const Problem& problem, const Plan& plan) {
  std::vector<Transfer> result;
  std::vector<bool> loaded(problem.tensors.size());
  for (const Event& event : plan.events) {
    if (event.action == Action::drop) continue;
    const std::size_t at = event.tensor;
    const TensorInfo& tensor = problem.tensors[at];
    Transfer transfer{event.step, event.action, event.tensor, tensor.bytes, false};
    if (event.action == Action::load) {
      const bool given = tensor.role == Role::input || tensor.role == Role::weight;
      transfer.compulsory = given && !loaded[at];
      loaded[at] = true;
    } else if (event.action == Action::store) {
      transfer.compulsory = tensor.role == Role::output;
    }
    result.push_back(transfer);
  }
  return result;
}

std::vector<std::int64_t> needed_bytes(const Problem& problem) {
  std::vector<std::int64_t> result;
  for (const Operator& op : problem.operators) {
    std::int64_t sum = op.workspace;
    for (const TensorId t : op.inputs) sum += problem.tensors[t].bytes;
    for (const TensorId t : op.outputs) sum += problem.tensors[t].bytes;
    for (const InPlace& pair : op.in_place) sum -= problem.tensors[pair.output].bytes;
    result.push_back(sum);
  }
  return result;
}

}  // namespace pliant::plan
