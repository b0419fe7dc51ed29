#include "plan/schedule/verify.h"

#include "core/error.h"
#include "plan/checker/checker.h"

namespace pliant::plan {
namespace {

checker::Role convert(Role role) {
  switch (role) {
    case Role::input: return checker::Role::input;
    case Role::weight: return checker::Role::weight;
    case Role::activation: return checker::Role::activation;
    case Role::output: return checker::Role::output;
  }
  return checker::Role::activation;
}

checker::Action convert(Action action) {
  switch (action) {
    case Action::move: return checker::Action::move;
    case Action::load: return checker::Action::load;
    case Action::store: return checker::Action::store;
    case Action::drop: return checker::Action::drop;
  }
  return checker::Action::load;
}

checker::Network convert(const Problem& problem) {
  checker::Network network;
  for (const TensorInfo& t : problem.tensors)
    network.tensors.push_back({t.name, t.bytes, convert(t.role)});
  for (const Operator& op : problem.operators) {
    network.operators.push_back({op.name,
                                 {op.inputs.begin(), op.inputs.end()},
                                 {op.outputs.begin(), op.outputs.end()},
                                 op.workspace});
    for (const auto& list : op.adjacent)
      network.operators.back().adjacent.emplace_back(list.begin(), list.end());
    for (const InPlace& pair : op.in_place)
      network.operators.back().in_place.emplace_back(pair.output, pair.input);
  }
  return network;
}

checker::Claim convert(const Plan& plan) {
  checker::Claim claim;
  claim.scratchpad_bytes = plan.scratchpad_bytes;
  claim.alignment = plan.alignment;
  claim.order.assign(plan.order.begin(), plan.order.end());
  for (const Residency& r : plan.residencies)
    claim.residencies.push_back({r.tensor, r.from, r.to, r.address});
  for (const Event& e : plan.events) claim.events.push_back({e.step, convert(e.action), e.tensor});
  claim.workspaces = plan.workspaces;
  claim.status =
      plan.status == Status::optimal ? checker::Status::optimal : checker::Status::feasible;
  claim.traffic_bytes = plan.traffic_bytes;
  claim.compulsory_bytes = plan.compulsory_bytes;
  claim.lower_bound_bytes = plan.lower_bound_bytes;
  claim.bound_origin = plan.bound_origin;
  if (priced(plan))
    claim.prices = {
        {plan.costs.read, plan.costs.write, plan.costs.move, plan.cost, plan.lower_bound_cost}};
  if (plan.frame)
    claim.frame = {{{plan.frame->pinned.begin(), plan.frame->pinned.end()},
                    plan.frame->bytes,
                    plan.frame->cost,
                    plan.frame->lower_bound_cost}};
  if (plan.second_level) {
    const SecondLevel& level = *plan.second_level;
    checker::Claim::SecondLevel& claimed =
        claim.second_level.emplace(checker::Claim::SecondLevel{});
    claimed = {level.bytes, level.price,           {}, level.moved_bytes, level.off_chip_bytes,
               level.cost,  level.lower_bound_cost};
    for (const Residency& r : level.residencies)
      claimed.residencies.push_back({r.tensor, r.from, r.to, r.address});
  }
  return claim;
}

}  // namespace

void require_valid(const Problem& problem, const Plan& plan) {
  const checker::Verdict verdict = checker::check(convert(problem), convert(plan));
  if (!verdict.accepted)
    throw Error(ErrorKind::invalid, "planner",
                "internal error: its own plan is rejected: " + verdict.reason,
                "please report the problem file");
}

}  // namespace pliant::plan
