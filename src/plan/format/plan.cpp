#include "plan/format/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "plan/format/moves.h"

namespace pliant::plan {
namespace {

[[noreturn]] void out_of_range(std::string_view what, std::int64_t value, std::size_t bound) {
  throw Error(ErrorKind::invalid, "plan", fmt::format("{} {} is not below {}", what, value, bound));
}

std::size_t checked_index(std::string_view what, std::int64_t value, std::size_t bound) {
  if (value < 0 || std::cmp_greater_equal(value, bound)) out_of_range(what, value, bound);
  return value;
}

// The step that makes each tensor, -1 for inputs and weights.
std::vector<Step> creation_steps(const Problem& problem, const Plan& plan) {
  std::vector<Step> steps(problem.tensors.size(), -1);
  for (std::size_t step = 0; step < plan.order.size(); ++step) {
    const std::size_t op = checked_index("operator", plan.order[step], problem.operators.size());
    for (const TensorId id : problem.operators[op].outputs) steps[id] = step;
  }
  return steps;
}

std::vector<std::vector<Residency>> residencies_by_tensor(const Problem& problem,
                                                          const Plan& plan) {
  std::vector<std::vector<Residency>> result(problem.tensors.size());
  for (const Residency& residency : plan.residencies) {
    checked_index("step", residency.from, plan.order.size());
    checked_index("step", residency.to, plan.order.size());
    result[checked_index("tensor", residency.tensor, result.size())].push_back(residency);
  }
  return result;
}

bool is_pinned(const Plan& plan, std::size_t tensor) {
  return plan.frame && std::binary_search(plan.frame->pinned.begin(), plan.frame->pinned.end(),
                                          static_cast<TensorId>(tensor));
}

bool given(Role role) { return role == Role::input || role == Role::weight; }

void charge_move(const TensorInfo& tensor, const std::string& place, Plan& plan) {
  const std::int64_t price = checked_multiply(tensor.bytes, plan.costs.move, place);
  plan.cost = checked_add(plan.cost, price, place);
  if (plan.frame) plan.frame->cost = checked_add(plan.frame->cost, price, place);
}

void derive_tensor(const TensorInfo& tensor, const std::vector<Residency>& residencies,
                   const std::vector<bool>& moved, Step created, Plan& plan) {
  const std::string place = "plan: tensor '" + tensor.name + "'";
  const auto charge = [&](bool compulsory, std::int64_t cost) {
    std::int64_t& sum = compulsory ? plan.compulsory_bytes : plan.traffic_bytes;
    sum = checked_add(sum, tensor.bytes, place);
    const std::int64_t price = checked_multiply(tensor.bytes, cost, place);
    if (!compulsory && priced(plan)) plan.cost = checked_add(plan.cost, price, place);
    if (plan.frame && (!compulsory || tensor.role == Role::weight))
      plan.frame->cost = checked_add(plan.frame->cost, price, place);
  };
  const Residency* leaves = nullptr;  // the first residency after which the tensor is absent
  for (std::size_t i = 0; i < residencies.size(); ++i) {
    const Residency& residency = residencies[i];
    const bool ends = i + 1 == residencies.size() || !moved[i + 1];
    if (ends) plan.events.push_back({residency.to, Action::drop, residency.tensor});
    if (ends && leaves == nullptr && i + 1 < residencies.size()) leaves = &residency;
    if (moved[i]) charge_move(tensor, place, plan);
    if (moved[i] || residency.from == created) continue;
    plan.events.push_back({residency.from, Action::load, residency.tensor});
    charge(given(tensor.role) && i == 0, plan.costs.read);
  }
  const bool output = tensor.role == Role::output;
  if (given(tensor.role) || residencies.empty() || (!output && leaves == nullptr)) return;
  plan.events.push_back({output ? created : leaves->to, Action::store, residencies.front().tensor});
  charge(output, plan.costs.write);
}

}  // namespace

Objective objective_of(const Plan& plan) {
  if (plan.frame)
    return {Measure::frame_cost, plan.frame->cost, plan.frame->lower_bound_cost, plan.bound_origin};
  if (const auto& level = plan.second_level)
    return {Measure::second_level_cost, level->cost, level->lower_bound_cost, plan.bound_origin};
  const Measure of = priced(plan) ? Measure::cost : Measure::traffic_bytes;
  return {of, cost_of(plan), bound_of(plan), plan.bound_origin};
}

void set_bound(Plan& plan, std::int64_t cost, std::int64_t traffic) {
  if (priced(plan)) plan.lower_bound_cost = cost;
  const std::int64_t dearest = std::max(plan.costs.read, plan.costs.write);
  const std::int64_t known = plan.costs.move < 0 ? cost : std::min(cost, traffic);
  plan.lower_bound_bytes = known / dearest + (known % dearest > 0 ? 1 : 0);
}

// Every tensor moves at most twice per use: what all of that costs must be a number.
void check_costs(const Problem& problem, const Costs& costs) {
  for (const auto& [cost, name] : {std::pair{costs.read, "read cost"}, {costs.write, "write cost"}})
    if (cost < 0 || cost > most_cost)
      throw Error(ErrorKind::usage, name, fmt::format("{} is not from 0 to {}", cost, most_cost));
  if (costs.move < no_moves || costs.move > most_cost)
    throw Error(ErrorKind::usage, "move cost",
                fmt::format("{} is not from 0 to {}", costs.move, most_cost));
  if (costs.read == 0 && costs.write == 0)
    throw Error(ErrorKind::usage, "read cost",
                "is 0 and so is the write cost: every plan would cost nothing");
  if (costs == Costs{}) return;
  std::int64_t most = 0;
  for (const Operator& op : problem.operators)
    for (const auto* list : {&op.inputs, &op.outputs})
      for (const TensorId t : *list)
        most = checked_add(most, problem.tensors[t].bytes, "costs of all bytes");
  checked_multiply(most, 2 * (costs.read + costs.write + std::max<std::int64_t>(0, costs.move)),
                   "costs of all bytes");
}

void derive_events(const Problem& problem, Plan& plan) {
  const auto created = creation_steps(problem, plan);
  const auto residencies = residencies_by_tensor(problem, plan);
  Moves moves = find_moves(problem, plan, residencies, created);
  plan.events = std::move(moves.events);
  plan.traffic_bytes = plan.compulsory_bytes = plan.cost = 0;
  if (plan.frame) plan.frame->cost = 0;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t)
    if (!is_pinned(plan, t))
      derive_tensor(problem.tensors[t], residencies[t], moves.into[t], created[t], plan);
  if (plan.frame)
    plan.frame->bytes = checked_add(plan.traffic_bytes, plan.compulsory_bytes, "plan");
  const auto key = [](const Event& e) {  // moves stay in their order
    return std::tuple(e.step, e.action, e.action == Action::move ? TensorId{0} : e.tensor);
  };
  std::stable_sort(plan.events.begin(), plan.events.end(),
                   [&](const Event& a, const Event& b) { return key(a) < key(b); });
}

std::string_view name(Action action) {
  switch (action) {
    case Action::move: return "move";
    case Action::load: return "load";
    case Action::store: return "store";
    case Action::drop: return "drop";
  }
  return "unknown";
}

std::string_view name(Status status) {
  switch (status) {
    case Status::optimal: return "optimal";
    case Status::feasible: return "feasible";
    case Status::infeasible: return "infeasible";
    case Status::undecided: return "undecided";
  }
  return "unknown";
}

}  // namespace pliant::plan
