#include "plan/format/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <unordered_set>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "plan/format/adjacent.h"
#include "plan/format/in_place.h"
#include "plan/format/topology.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t kLargestSum = std::int64_t{1} << 62;

[[noreturn]] void invalid(std::string_view place, std::string problem) {
  throw Error(ErrorKind::invalid, std::string(place), std::move(problem));
}

void check_tensors(const Problem& problem, std::string_view place) {
  std::unordered_set<std::string_view> names;
  for (const TensorInfo& tensor : problem.tensors) {
    if (!names.insert(tensor.name).second)
      invalid(place, fmt::format("two tensors are named '{}'", tensor.name));
    if (tensor.bytes < 0)
      invalid(place, fmt::format("tensor '{}' has {} bytes", tensor.name, tensor.bytes));
  }
}

void check_list(const Problem& problem, const Operator& op, const std::vector<TensorId>& list,
                std::string_view place) {
  std::unordered_set<TensorId> seen;
  for (const TensorId id : list) {
    if (id < 0 || id >= std::ssize(problem.tensors))
      invalid(place, fmt::format("operator '{}' names tensor {} of {}", op.name, id,
                                 problem.tensors.size()));
    if (!seen.insert(id).second)
      invalid(place, fmt::format("operator '{}' lists tensor '{}' twice", op.name,
                                 problem.tensors[id].name));
  }
}

void check_operators(const Problem& problem, std::string_view place) {
  std::unordered_set<std::string_view> names;
  for (const Operator& op : problem.operators) {
    if (!names.insert(op.name).second)
      invalid(place, fmt::format("two operators are named '{}'", op.name));
    if (op.workspace < 0)
      invalid(place,
              fmt::format("operator '{}' has a workspace of {} bytes", op.name, op.workspace));
    check_list(problem, op, op.inputs, place);
    check_list(problem, op, op.outputs, place);
  }
}

void check_sum(const Problem& problem, std::string_view place) {
  std::int64_t sum = 0;
  for (const TensorInfo& tensor : problem.tensors) sum = checked_add(sum, tensor.bytes, place);
  for (const Operator& op : problem.operators) sum = checked_add(sum, op.workspace, place);
  if (sum > kLargestSum)
    invalid(place, fmt::format("all sizes together are {} bytes, above {}", sum, kLargestSum));
}

bool is_given(Role role) { return role == Role::input || role == Role::weight; }

void check_producers(const Problem& problem, std::string_view place) {
  std::vector<OperatorId> producer(problem.tensors.size(), -1);
  for (std::size_t o = 0; o < problem.operators.size(); ++o) {
    const Operator& op = problem.operators[o];
    for (const TensorId id : op.outputs) {
      const TensorInfo& tensor = problem.tensors[id];
      OperatorId& first = producer[id];
      if (is_given(tensor.role))
        invalid(place, fmt::format("operator '{}' makes '{}', which is an {}", op.name, tensor.name,
                                   name(tensor.role)));
      if (first >= 0)
        invalid(place, fmt::format("operators '{}' and '{}' both make tensor '{}'",
                                   problem.operators[first].name, op.name, tensor.name));
      first = o;
    }
  }
  for (std::size_t t = 0; t < producer.size(); ++t) {
    const TensorInfo& tensor = problem.tensors[t];
    if (producer[t] < 0 && !is_given(tensor.role))
      invalid(place, fmt::format("no operator makes tensor '{}', whose role is {}", tensor.name,
                                 name(tensor.role)));
  }
}

// predecessors[o]: operators that make what o reads (each as often as o reads from it)
std::vector<std::vector<OperatorId>> predecessors(const Problem& problem) {
  std::vector<OperatorId> producer(problem.tensors.size(), -1);
  for (std::size_t o = 0; o < problem.operators.size(); ++o)
    for (const TensorId id : problem.operators[o].outputs) producer[id] = o;
  std::vector<std::vector<OperatorId>> result(problem.operators.size());
  for (std::size_t o = 0; o < problem.operators.size(); ++o)
    for (const TensorId id : problem.operators[o].inputs)
      if (producer[id] >= 0) result[o].push_back(producer[id]);
  return result;
}

// Every operator in `stuck` has a predecessor in it, so walking backwards must return to where it
// has been.
std::string cycle_names(const Problem& problem, const std::vector<std::vector<OperatorId>>& before,
                        const std::vector<bool>& stuck) {
  OperatorId at = std::find(stuck.begin(), stuck.end(), true) - stuck.begin();
  std::vector<int> visit(stuck.size(), -1);
  std::vector<OperatorId> path;
  while (visit[at] < 0) {
    visit[at] = path.size();
    path.push_back(at);
    for (const OperatorId previous : before[at])
      if (stuck[previous]) at = previous;
  }
  path.erase(path.begin(), path.begin() + visit[at]);
  std::string text = fmt::format("'{}'", problem.operators[path.front()].name);
  for (auto o = path.rbegin(); o != path.rend(); ++o)
    text += fmt::format(" -> '{}'", problem.operators[*o].name);
  return text;
}

void check_references(const Problem& problem, std::string_view place) {
  const std::size_t most = std::numeric_limits<std::int32_t>::max();
  if (problem.tensors.size() > most || problem.operators.size() > most)
    invalid(place, "more than 2^31 - 1 entries");
  check_tensors(problem, place);
  check_operators(problem, place);
  check_sum(problem, place);
  check_producers(problem, place);
}

}  // namespace

std::vector<OperatorId> stable_order(const Problem& problem, std::string_view place) {
  check_references(problem, place);
  const auto before = predecessors(problem);
  std::vector<std::vector<OperatorId>> after(before.size());
  std::vector<std::size_t> waiting(before.size());
  std::priority_queue<OperatorId, std::vector<OperatorId>, std::greater<>> ready;
  for (std::size_t o = 0; o < before.size(); ++o) {
    waiting[o] = before[o].size();
    for (const OperatorId previous : before[o]) after[previous].push_back(o);
    if (waiting[o] == 0) ready.push(o);
  }
  std::vector<OperatorId> order;
  std::vector<bool> stuck(before.size(), true);
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    stuck[order.back()] = false;
    for (const OperatorId next : after[order.back()])
      if (--waiting[next] == 0) ready.push(next);
  }
  if (order.size() < before.size())
    invalid(place, "operators wait for each other: " + cycle_names(problem, before, stuck));
  check_in_place(problem, place);
  check_adjacent(problem, place);
  return order;
}

void validate(const Problem& problem) {
  stable_order(problem, "problem");
  const auto before = predecessors(problem);
  for (std::size_t o = 0; o < before.size(); ++o)
    for (const OperatorId previous : before[o])
      if (std::cmp_greater(previous, o))
        invalid("problem",
                fmt::format("operator '{}' is listed before '{}', whose result it reads",
                            problem.operators[o].name, problem.operators[previous].name));
}

bool is_in_place(const Operator& op, TensorId output) {
  return std::any_of(op.in_place.begin(), op.in_place.end(),
                     [&](const InPlace& pair) { return pair.output == output; });
}

bool has_in_place(const Problem& problem) {
  return std::any_of(problem.operators.begin(), problem.operators.end(),
                     [](const Operator& op) { return !op.in_place.empty(); });
}

bool has_adjacent(const Problem& problem) {
  return std::any_of(problem.operators.begin(), problem.operators.end(),
                     [](const Operator& op) { return !op.adjacent.empty(); });
}

std::string_view name(Role role) {
  switch (role) {
    case Role::input: return "input";
    case Role::weight: return "weight";
    case Role::activation: return "activation";
    case Role::output: return "output";
  }
  return "unknown";
}

}  // namespace pliant::plan
