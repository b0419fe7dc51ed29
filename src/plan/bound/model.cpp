#include "plan/bound/model.h"

#include <algorithm>
#include <numeric>

#include "core/checked.h"

namespace pliant::plan {
namespace {

struct Uses {
  std::vector<OperatorId> producer;  // -1: none
  std::vector<std::vector<OperatorId>> consumers;
};

Uses find_uses(const Problem& problem) {
  Uses uses{std::vector<OperatorId>(problem.tensors.size(), -1), {}};
  uses.consumers.resize(problem.tensors.size());
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    for (const TensorId t : problem.operators[op].outputs) uses.producer[t] = op;
    for (const TensorId t : problem.operators[op].inputs) uses.consumers[t].push_back(op);
  }
  return uses;
}

// Given tensors of one use are loaded for it, free of charge, and dropped after it; unused results
// are dropped at once.
bool is_tracked(const TensorInfo& tensor, OperatorId producer, std::size_t consumers) {
  return tensor.bytes > 0 && consumers + (producer >= 0 ? 1 : 0) >= 2;
}

std::vector<std::int32_t> track(const Problem& problem, const Uses& uses, std::int64_t alignment,
                                ScheduleModel& model) {
  std::vector<std::int32_t> index(problem.tensors.size(), -1);
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const TensorInfo& tensor = problem.tensors[t];
    if (!is_tracked(tensor, uses.producer[t], uses.consumers[t].size())) continue;
    index[t] = model.tracked.size();
    model.tracked.push_back({static_cast<TensorId>(t), round_up(tensor.bytes, alignment),
                             tensor.bytes, tensor.role != Role::activation, uses.producer[t],
                             uses.consumers[t], tensor.bytes * model.costs.read,
                             tensor.bytes * model.costs.write});
  }
  return index;
}

void sort_unique(std::vector<OperatorId>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

// What rounded sizes alive together can add up to: all but the highest are followed by their
// padding, and every sum is a multiple of what divides all of them.
std::int64_t relaxed_capacity(const Problem& problem, std::int64_t scratchpad_bytes,
                              std::int64_t alignment) {
  std::int64_t divisor = 0, padding = 0;
  const auto add = [&](std::int64_t bytes) {
    const std::int64_t space = round_up(bytes, alignment);
    divisor = std::gcd(divisor, space);
    padding = std::max(padding, space - bytes);
  };
  for (const TensorInfo& tensor : problem.tensors) add(tensor.bytes);
  for (const Operator& op : problem.operators) add(op.workspace);
  const std::int64_t most = checked_add(scratchpad_bytes, padding, "scratchpad");
  return divisor > 0 ? most / divisor * divisor : most;
}

// Wherever the consumer runs, there is room for the operator just before it: what the consumer adds
// is not there yet.
bool can_wait_for(const ScheduleModel& model, const ModelOperator& op,
                  const ModelOperator& consumer) {
  std::int64_t room = consumer.local;
  for (const std::int32_t t : consumer.outputs) room += model.tracked[t].space;
  for (const std::int32_t t : op.outputs)
    if (std::binary_search(consumer.inputs.begin(), consumer.inputs.end(), t))
      room += model.tracked[t].space;
  return op.need <= room;
}

void find_waiting(ScheduleModel& model) {
  for (ModelOperator& op : model.operators)
    op.waits = op.before.empty() && op.inputs.empty() && !op.after.empty() &&
               std::all_of(op.after.begin(), op.after.end(), [&](OperatorId c) {
                 return can_wait_for(model, op, model.operators[c]);
               });
}

}  // namespace

ScheduleModel make_model(const Problem& problem, std::int64_t scratchpad_bytes,
                         std::int64_t alignment, const Costs& costs) {
  ScheduleModel model;
  model.costs = costs;
  const Uses uses = find_uses(problem);
  const auto index = track(problem, uses, alignment, model);
  model.capacity = relaxed_capacity(problem, scratchpad_bytes, alignment);
  model.operators.resize(problem.operators.size());
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    ModelOperator& made = model.operators[op];
    made.local = round_up(problem.operators[op].workspace, alignment);
    made.need = made.local;
    const auto take = [&](TensorId t, std::vector<std::int32_t>& list) {
      const std::int64_t space = round_up(problem.tensors[t].bytes, alignment);
      made.need += space;
      if (index[t] >= 0) list.push_back(index[t]);
      else made.local += space;
    };
    for (const TensorId t : problem.operators[op].inputs) {
      take(t, made.inputs);
      if (uses.producer[t] >= 0) made.before.push_back(uses.producer[t]);
    }
    for (const TensorId t : problem.operators[op].outputs) {
      take(t, made.outputs);
      made.after.insert(made.after.end(), uses.consumers[t].begin(), uses.consumers[t].end());
    }
    for (const InPlace& pair : problem.operators[op].in_place) {
      const std::int64_t space = round_up(problem.tensors[pair.input].bytes, alignment);
      made.need -= space;
      made.local -= space;
    }
    std::sort(made.inputs.begin(), made.inputs.end());
    std::sort(made.outputs.begin(), made.outputs.end());
    sort_unique(made.before);
    sort_unique(made.after);
  }
  find_waiting(model);
  return model;
}

std::int64_t required_bytes(const Problem& problem, OperatorId op, std::int64_t alignment) {
  const Operator& asked = problem.operators[op];
  std::int64_t sum = 0, slack = 0;  // the last one needs no padding
  const auto add = [&](std::int64_t bytes) {
    const std::int64_t space = round_up(bytes, alignment);
    sum += space;
    slack = std::max(slack, space - bytes);
  };
  for (const TensorId t : asked.inputs) add(problem.tensors[t].bytes);
  for (const TensorId t : asked.outputs)
    if (!is_in_place(asked, t)) add(problem.tensors[t].bytes);
  add(asked.workspace);
  return sum - slack;
}

}  // namespace pliant::plan
