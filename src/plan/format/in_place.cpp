#include "plan/format/in_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/error.h"

namespace pliant::plan {
namespace {

class Pairs {
 public:
  Pairs(const Problem& problem, std::string_view place) : problem_(problem), place_(place) {}

  void check(OperatorId id, LastUses& uses) const {
    const Operator& op = problem_.operators[id];
    for (std::size_t i = 0; i < op.in_place.size(); ++i) {
      const auto [output, input] = op.in_place[i];
      if (!contains(op.outputs, output) || !contains(op.inputs, input))
        refuse(op, "which are not one of its outputs and one of its inputs", op.in_place[i]);
      for (std::size_t k = 0; k < i; ++k)
        if (op.in_place[k].output == output || op.in_place[k].input == input)
          refuse(op, "one of which is in another pair", op.in_place[i]);
      if (problem_.tensors[output].bytes != problem_.tensors[input].bytes)
        refuse(op, "which differ in size", op.in_place[i]);
      if (!uses.is_last(input, id)) refuse(op, "but the input may be needed later", op.in_place[i]);
    }
  }

  bool in_range(const Operator& op) const {
    return std::all_of(op.in_place.begin(), op.in_place.end(), [&](const InPlace& each) {
      return is_tensor(each.output) && is_tensor(each.input);
    });
  }

  [[noreturn]] void refuse_ids(const Operator& op) const {
    throw Error(ErrorKind::invalid, std::string(place_),
                fmt::format("operator '{}' has a pair in 'in_place' of tensors that do not exist",
                            op.name));
  }

 private:
  static bool contains(const std::vector<TensorId>& list, TensorId id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  }
  bool is_tensor(TensorId id) const { return id >= 0 && id < std::ssize(problem_.tensors); }

  [[noreturn]] void refuse(const Operator& op, std::string_view why, const InPlace& pair) const {
    throw Error(
        ErrorKind::invalid, std::string(place_),
        fmt::format("operator '{}' is to write '{}' over '{}', {}", op.name,
                    problem_.tensors[pair.output].name, problem_.tensors[pair.input].name, why));
  }

  const Problem& problem_;
  std::string_view place_;
};

}  // namespace

LastUses::LastUses(const Problem& problem)
    : problem_(problem),
      producer_(problem.tensors.size(), -1),
      consumers_(problem.tensors.size()),
      ancestors_(problem.operators.size(), false) {
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    for (const TensorId t : problem.operators[op].outputs) producer_[t] = op;
    for (const TensorId t : problem.operators[op].inputs) consumers_[t].push_back(op);
  }
}

bool LastUses::is_last(TensorId tensor, OperatorId op) {
  if (problem_.tensors[tensor].role == Role::output) return false;
  const auto& readers = consumers_[tensor];
  if (readers.size() == 1 && readers[0] == op) return true;
  if (of_ != op) find_ancestors(op);
  return std::all_of(readers.begin(), readers.end(),
                     [&](OperatorId other) { return other == op || ancestors_[other]; });
}

void LastUses::find_ancestors(OperatorId op) {
  ancestors_.assign(ancestors_.size(), false);
  std::vector<OperatorId> ahead{op};
  while (!ahead.empty()) {
    const OperatorId at = ahead.back();
    ahead.pop_back();
    for (const TensorId t : problem_.operators[at].inputs) {
      const OperatorId before = producer_[t];
      if (before < 0 || ancestors_[before]) continue;
      ancestors_[before] = true;
      ahead.push_back(before);
    }
  }
  of_ = op;
}

void check_in_place(const Problem& problem, std::string_view place) {
  if (!has_in_place(problem)) return;
  const Pairs pairs(problem, place);
  for (const Operator& op : problem.operators)
    if (!pairs.in_range(op)) pairs.refuse_ids(op);
  LastUses uses(problem);
  for (std::size_t op = 0; op < problem.operators.size(); ++op) pairs.check(op, uses);
}

}  // namespace pliant::plan
