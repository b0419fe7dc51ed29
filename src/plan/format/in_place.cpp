#include "plan/format/in_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/error.h"

namespace pliant::plan {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

class Pairs {
 public:
  Pairs(const Problem& problem, std::string_view place) : problem_(problem), place_(place) {}

  void check(OperatorId id, const std::vector<std::vector<bool>>& ancestors) const {
    const Operator& op = problem_.operators[index(id)];
    for (std::size_t i = 0; i < op.in_place.size(); ++i) {
      const auto [output, input] = op.in_place[i];
      if (!contains(op.outputs, output) || !contains(op.inputs, input))
        refuse(op, "which are not one of its outputs and one of its inputs", op.in_place[i]);
      for (std::size_t k = 0; k < i; ++k)
        if (op.in_place[k].output == output || op.in_place[k].input == input)
          refuse(op, "one of which stands in another pair", op.in_place[i]);
      if (problem_.tensors[index(output)].bytes != problem_.tensors[index(input)].bytes)
        refuse(op, "which differ in size", op.in_place[i]);
      if (!is_last_use(problem_, ancestors, input, id)) refuse(op, "but the input may be needed later", op.in_place[i]);
    }
  }

  bool in_range(const Operator& op) const {
    return std::all_of(op.in_place.begin(), op.in_place.end(),
                       [&](const InPlace& each) { return is_tensor(each.output) && is_tensor(each.input); });
  }

  [[noreturn]] void refuse_ids(const Operator& op) const {
    throw Error(ErrorKind::invalid, std::string(place_),
                fmt::format("operator '{}' has a pair in 'in_place' of tensors that do not exist", op.name));
  }

 private:
  static bool contains(const std::vector<TensorId>& list, TensorId id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  }
  bool is_tensor(TensorId id) const { return id >= 0 && index(id) < problem_.tensors.size(); }

  [[noreturn]] void refuse(const Operator& op, std::string_view why, const InPlace& pair) const {
    throw Error(ErrorKind::invalid, std::string(place_),
                fmt::format("operator '{}' is to write '{}' over '{}', {}", op.name,
                            problem_.tensors[index(pair.output)].name, problem_.tensors[index(pair.input)].name, why));
  }

  const Problem& problem_;
  std::string_view place_;
};

}  // namespace

std::vector<std::vector<bool>> find_ancestors(const Problem& problem, const std::vector<OperatorId>& order) {
  std::vector<OperatorId> producer(problem.tensors.size(), -1);
  for (std::size_t op = 0; op < problem.operators.size(); ++op)
    for (const TensorId t : problem.operators[op].outputs) producer[index(t)] = static_cast<OperatorId>(op);
  std::vector<std::vector<bool>> ancestors(problem.operators.size(), std::vector<bool>(problem.operators.size()));
  for (const OperatorId op : order)
    for (const TensorId t : problem.operators[index(op)].inputs) {
      const OperatorId before = producer[index(t)];
      if (before < 0 || ancestors[index(op)][index(before)]) continue;
      ancestors[index(op)][index(before)] = true;
      for (std::size_t a = 0; a < ancestors.size(); ++a)
        if (ancestors[index(before)][a]) ancestors[index(op)][a] = true;
    }
  return ancestors;
}

bool is_last_use(const Problem& problem, const std::vector<std::vector<bool>>& ancestors, TensorId tensor,
                 OperatorId op) {
  if (problem.tensors[index(tensor)].role == Role::output) return false;
  for (std::size_t other = 0; other < problem.operators.size(); ++other) {
    const auto& inputs = problem.operators[other].inputs;
    if (other == index(op) || ancestors[index(op)][other]) continue;
    if (std::find(inputs.begin(), inputs.end(), tensor) != inputs.end()) return false;
  }
  return true;
}

void check_in_place(const Problem& problem, const std::vector<OperatorId>& order, std::string_view place) {
  const auto shares = [](const Operator& op) { return !op.in_place.empty(); };
  if (std::none_of(problem.operators.begin(), problem.operators.end(), shares)) return;
  const Pairs pairs(problem, place);
  for (const Operator& op : problem.operators)
    if (!pairs.in_range(op)) pairs.refuse_ids(op);
  const auto ancestors = find_ancestors(problem, order);
  for (std::size_t op = 0; op < problem.operators.size(); ++op) pairs.check(static_cast<OperatorId>(op), ancestors);
}

}  // namespace pliant::plan
