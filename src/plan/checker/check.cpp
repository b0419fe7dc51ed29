#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "plan/checker/replay.h"

namespace pliant::checker {
void Replay::check_operator(std::size_t index, std::vector<std::int64_t>& maker) const {
  const auto& op = network_.operators[index];
  demand(op.workspace >= 0, "network: operator '{}' has a workspace of {} bytes", op.name,
         op.workspace);
  for (const auto* list : {&op.inputs, &op.outputs}) {
    std::set<std::int64_t> seen;
    for (const std::int64_t id : *list) {
      demand(is_tensor(id), "network: operator '{}' names tensor {} of {}", op.name, id,
             network_.tensors.size());
      demand(seen.insert(id).second, "network: operator '{}' lists '{}' twice", op.name, name(id));
    }
  }
  for (const std::int64_t id : op.outputs) {
    demand(!given(network_.tensors[id]), "network: operator '{}' makes '{}', which is given",
           op.name, name(id));
    demand(maker[id] < 0, "network: two operators make '{}'", name(id));
    maker[id] = index;
  }
  check_pairs(op);
  for (const auto& list : op.adjacent)
    for (const std::int64_t id : list)
      demand(std::find(op.inputs.begin(), op.inputs.end(), id) != op.inputs.end(),
             "network: operator '{}' has a neighbour that it does not read", op.name);
}

void Replay::check_pairs(const Network::Operator& op) const {
  const auto holds = [](const std::vector<std::int64_t>& list, std::int64_t id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  std::set<std::int64_t> seen;
  for (const auto& [output, input] : op.in_place) {
    demand(holds(op.outputs, output) && holds(op.inputs, input),
           "network: operator '{}' has a pair in place that is not an output and an input of it",
           op.name);
    demand(seen.insert(output).second && seen.insert(input).second,
           "network: operator '{}' has a tensor in two pairs in place", op.name);
    demand(network_.tensors[output].bytes == network_.tensors[input].bytes,
           "network: operator '{}' writes '{}' over '{}', which differ in size", op.name,
           name(output), name(input));
  }
}

// The input that the operator may write its output over; -1: none.
std::int64_t Replay::written_over(const Network::Operator& op, std::int64_t output) const {
  for (const auto& pair : op.in_place)
    if (pair.first == output) return pair.second;
  return -1;
}

void Replay::check_network() const {
  std::vector<std::int64_t> maker(network_.tensors.size(), -1);
  for (const auto& tensor : network_.tensors)
    demand(tensor.bytes >= 0, "network: tensor '{}' has {} bytes", tensor.name, tensor.bytes);
  for (std::size_t o = 0; o < network_.operators.size(); ++o) check_operator(o, maker);
  for (std::size_t id = 0; id < maker.size(); ++id)
    demand(maker[id] >= 0 || given(network_.tensors[id]), "network: no operator makes '{}'",
           network_.tensors[id].name);
}

void Replay::check_floor() {
  const Network::Operator* largest = nullptr;
  for (const auto& op : network_.operators) {
    std::int64_t bytes = op.workspace;
    for (const std::int64_t id : op.inputs) bytes = sum_of(bytes, network_.tensors[id].bytes);
    for (const std::int64_t id : op.outputs)
      if (written_over(op, id) < 0) bytes = sum_of(bytes, network_.tensors[id].bytes);
    if (bytes <= verdict_.necessary_bytes) continue;
    verdict_.necessary_bytes = bytes;
    largest = &op;
  }
  demand(claim_.scratchpad_bytes >= 0, "the scratchpad has {} bytes", claim_.scratchpad_bytes);
  demand(claim_.alignment >= 1, "the alignment is {}", claim_.alignment);
  const bool enough = claim_.scratchpad_bytes >= verdict_.necessary_bytes;
  if (claim_.status == Status::infeasible) {
    demand(!enough,
           "infeasible is claimed, but no operator alone needs more than {} of {} bytes: cannot be "
           "confirmed",
           verdict_.necessary_bytes, claim_.scratchpad_bytes);
    return;
  }
  demand(enough, "operator '{}' alone needs {} bytes, the scratchpad has {}",
         largest ? largest->name : "", verdict_.necessary_bytes, claim_.scratchpad_bytes);
}

void Replay::check_order() {
  const std::int64_t operators = network_.operators.size();
  demand(static_cast<std::int64_t>(claim_.order.size()) == operators,
         "the order has {} steps, the network {} operators", claim_.order.size(), operators);
  steps_ = operators;
  tensors_.resize(network_.tensors.size());
  std::vector<bool> ran(network_.operators.size());
  for (std::int64_t step = 0; step < steps_; ++step) {
    const std::int64_t id = claim_.order[step];
    demand(id >= 0 && id < operators, "step {}: operator {} of {}", step, id, operators);
    demand(!ran[id], "step {}: operator '{}' runs twice", step, at(step).name);
    ran[id] = true;
    for (const std::int64_t input : at(step).inputs) {
      demand(given(network_.tensors[input]) || tensors_[input].created >= 0,
             "step {}: operator '{}' reads '{}', which is made later", step, at(step).name,
             name(input));
      tensors_[input].last_use = step;
    }
    for (const std::int64_t output : at(step).outputs) tensors_[output].created = step;
  }
}

void Replay::check_range(const std::string& what, std::int64_t step, std::int64_t address,
                         std::int64_t bytes) const {
  demand(address >= 0 && bytes <= claim_.scratchpad_bytes &&
             address <= claim_.scratchpad_bytes - bytes,
         "step {}: {} at address {} with {} bytes is not inside the scratchpad of {} bytes", step,
         what, address, bytes, claim_.scratchpad_bytes);
  demand(address % claim_.alignment == 0, "step {}: {} at address {} is not aligned to {}", step,
         what, address, claim_.alignment);
}

void Replay::check_residencies() {
  for (const auto& each : claim_.residencies) {
    demand(is_tensor(each.tensor), "a residency names tensor {} of {}", each.tensor,
           network_.tensors.size());
    demand(each.from >= 0 && each.from <= each.to && each.to < steps_,
           "'{}' is resident from step {} to {} of {} steps", name(each.tensor), each.from, each.to,
           steps_);
    check_range("'" + name(each.tensor) + "'", each.from, each.address,
                network_.tensors[each.tensor].bytes);
    tensors_[each.tensor].residencies.push_back(&each);
  }
  for (std::size_t id = 0; id < tensors_.size(); ++id) {
    auto& list = tensors_[id].residencies;
    std::sort(list.begin(), list.end(),
              [](const auto* a, const auto* b) { return a->from < b->from; });
    for (std::size_t i = 1; i < list.size(); ++i)
      demand(list[i - 1]->to < list[i]->from,
             "step {}: '{}' is resident twice, at addresses {} and {}", list[i]->from,
             network_.tensors[id].name, list[i - 1]->address, list[i]->address);
    if (given(network_.tensors[id]) || list.empty()) continue;
    demand(list[0]->from >= tensors_[id].created,
           "step {}: '{}' is resident, but is made at step {}", list[0]->from,
           network_.tensors[id].name, tensors_[id].created);
  }
}

const Claim::Residency* Replay::residency_at(std::int64_t tensor, std::int64_t step) const {
  const auto& list = tensors_[tensor].residencies;
  const auto after =
      std::upper_bound(list.begin(), list.end(), step,
                       [](std::int64_t s, const auto* each) { return s < each->from; });
  if (after == list.begin() || (*(after - 1))->to < step) return nullptr;
  return *(after - 1);
}

void Replay::check_presence() const {
  demand(static_cast<std::int64_t>(claim_.workspaces.size()) == steps_,
         "{} workspace addresses for {} steps", claim_.workspaces.size(), steps_);
  for (std::int64_t step = 0; step < steps_; ++step) {
    const auto& op = at(step);
    for (const std::int64_t id : op.inputs)
      demand(residency_at(id, step), "step {}: operator '{}' reads '{}', which is not resident",
             step, op.name, name(id));
    for (const std::int64_t id : op.outputs)
      demand(residency_at(id, step), "step {}: operator '{}' makes '{}', which has no address",
             step, op.name, name(id));
    if (op.workspace > 0)
      check_range("the workspace of '" + op.name + "'", step, claim_.workspaces[step],
                  op.workspace);
  }
}

namespace {

// The byte ranges in use, by address.
class Occupied {
 public:
  void add(std::int64_t step, std::int64_t address, std::int64_t bytes, const std::string& who) {
    if (bytes == 0) return;
    const auto next = ranges_.lower_bound(address);
    if (next != ranges_.end()) check(step, *next, address, bytes, who);
    if (next != ranges_.begin()) check(step, *std::prev(next), address, bytes, who);
    ranges_.emplace(address, Range{bytes, who});
  }
  void remove(std::int64_t address, std::int64_t bytes) {
    if (bytes > 0) ranges_.erase(address);
  }

 private:
  struct Range {
    std::int64_t bytes;
    std::string who;
  };
  std::map<std::int64_t, Range> ranges_;

  static void check(std::int64_t step, const std::pair<const std::int64_t, Range>& other,
                    std::int64_t address, std::int64_t bytes, const std::string& who) {
    demand(address + bytes <= other.first || other.first + other.second.bytes <= address,
           "step {}: {} at [{}, {}) and {} at [{}, {}) overlap", step, who, address,
           address + bytes, other.second.who, other.first, other.first + other.second.bytes);
  }
};

}  // namespace

// Whether the residency begins at the step that makes its tensor, on the bytes of an input that the
// operator may write it over and whose residency ends there.
bool Replay::takes_over(const Claim::Residency& output) const {
  const auto& made = tensors_[output.tensor];
  if (made.created < 0 || output.from != made.created) return false;
  const std::int64_t input = written_over(at(output.from), output.tensor);
  if (input < 0) return false;
  const Claim::Residency* under = residency_at(input, output.from);
  return under && under->to == output.from && under->address == output.address;
}

// Whether the operator of the residency's last step writes a result over it.
bool Replay::overwritten_at(const Claim::Residency& input) const {
  for (const auto& [output, under] : at(input.to).in_place) {
    if (under != input.tensor) continue;
    const Claim::Residency* over = residency_at(output, input.to);
    return over && over->from == input.to && takes_over(*over);
  }
  return false;
}

// What an operator reads as one run lies without gaps.
void Replay::check_neighbours() const {
  for (std::int64_t step = 0; step < steps_; ++step)
    for (const auto& list : at(step).adjacent)
      for (std::size_t i = 0; i + 1 < list.size(); ++i) {
        const std::int64_t end =
            residency_at(list[i], step)->address + network_.tensors[list[i]].bytes;
        demand(end == residency_at(list[i + 1], step)->address,
               "step {}: operator '{}' reads '{}', which ends at {}, and '{}' at {} as one run",
               step, at(step).name, name(list[i]), end, name(list[i + 1]),
               residency_at(list[i + 1], step)->address);
      }
}

void Replay::check_disjoint() const {
  std::vector<std::vector<const Claim::Residency*>> starts(steps_), ends(steps_);
  for (const auto& each : claim_.residencies) {
    starts[each.from].push_back(&each);
    ends[each.to].push_back(&each);
  }
  Occupied occupied;
  for (std::int64_t step = 0; step < steps_; ++step) {
    for (const bool over : {false, true})  // what is written in place goes on where its input lay
      for (const auto* each : starts[step]) {
        if (takes_over(*each) != over) continue;
        const std::int64_t bytes = network_.tensors[each->tensor].bytes;
        if (over) occupied.remove(each->address, bytes);
        occupied.add(step, each->address, bytes, "'" + name(each->tensor) + "'");
      }
    const auto& op = at(step);
    occupied.add(step, claim_.workspaces[step], op.workspace, "the workspace of '" + op.name + "'");
    occupied.remove(claim_.workspaces[step], op.workspace);
    for (const auto* each : ends[step])
      if (!overwritten_at(*each))
        occupied.remove(each->address, network_.tensors[each->tensor].bytes);
  }
}

// The moves of a step, one after the other: each destination is free of what is resident then, but
// for its own source. What has ended before the step is gone, and what begins at it is not there
// yet.
void Replay::check_moves() const {
  for (std::size_t first = 0, after = 0; first < claim_.events.size(); first = after) {
    after = first + 1;
    if (claim_.events[first].action != Action::move) continue;
    const std::int64_t step = claim_.events[first].step;
    while (after < claim_.events.size() && claim_.events[after].action == Action::move &&
           claim_.events[after].step == step)
      ++after;
    Occupied occupied;
    const auto source = [&](std::int64_t id) {
      const auto* from = residency_at(id, step - 1);
      const auto* to = residency_at(id, step);
      demand(claim_.prices && claim_.prices->move >= 0,
             "step {}: '{}' is moved, but moves have no price", step, name(id));
      demand(from && to && to->from == step && from->to == step - 1,
             "step {}: '{}' is moved, but no residency follows another", step, name(id));
      return from;
    };
    for (std::size_t i = first; i < after; ++i) {
      const std::int64_t id = claim_.events[i].tensor;
      occupied.add(step, source(id)->address, network_.tensors[id].bytes, "'" + name(id) + "'");
    }
    for (const auto& each : claim_.residencies)
      if (each.from < step && step <= each.to)
        occupied.add(step, each.address, network_.tensors[each.tensor].bytes,
                     "'" + name(each.tensor) + "'");
    for (std::size_t i = first; i < after; ++i) {
      const std::int64_t id = claim_.events[i].tensor, bytes = network_.tensors[id].bytes;
      occupied.remove(source(id)->address, bytes);
      occupied.add(step, residency_at(id, step)->address, bytes, "'" + name(id) + "' moved");
    }
  }
}

void Replay::move(std::int64_t step, std::int64_t id) {
  Tensor& tensor = tensors_[id];
  const auto& info = network_.tensors[id];
  demand(!tensor.pinned, "step {}: '{}' is moved, but is pinned", step, info.name);
  demand(tensor.dropped != step - 1, "step {}: '{}' is moved, but was dropped", step, info.name);
  demand(info.role != Role::activation || tensor.stored != step - 1,
         "step {}: '{}' is moved, but was stored to make room", step, info.name);
  demand(tensor.moved != step, "step {}: '{}' is moved twice", step, info.name);
  demand(!overwritten_at(*residency_at(id, step - 1)),
         "step {}: '{}' is moved, but was written over", step, info.name);
  tensor.moved = step;
  ++tensor.moves;
  moved_ = sum_of(moved_, info.bytes);
}

void Replay::load(std::int64_t step, std::int64_t id) {
  Tensor& tensor = tensors_[id];
  const auto& info = network_.tensors[id];
  const auto* residency = residency_at(id, step);
  demand(!tensor.pinned, "step {}: '{}' is loaded, but is pinned", step, info.name);
  demand(residency && residency->from == step, "step {}: '{}' is loaded, but no residency starts",
         step, info.name);
  demand(tensor.created != step, "step {}: '{}' is loaded at the step that makes it", step,
         info.name);
  demand(tensor.moved != step, "step {}: '{}' is moved and loaded", step, info.name);
  if (!given(info)) {
    demand(tensor.stored >= 0, "step {}: '{}' is loaded, but has no copy off chip", step,
           info.name);
    demand(step >= tensor.stored + 2,
           "step {}: '{}' is loaded at the step after its store at step {}", step, info.name,
           tensor.stored);
  }
  const bool compulsory = given(info) && tensor.loads == 0;
  auto& sum = compulsory ? verdict_.compulsory_bytes : loaded_;
  sum = sum_of(sum, info.bytes);
  if (compulsory && info.role == Role::weight) first_weights_ = sum_of(first_weights_, info.bytes);
  ++tensor.loads;
}

void Replay::store(std::int64_t step, std::int64_t id) {
  Tensor& tensor = tensors_[id];
  const auto& info = network_.tensors[id];
  const auto* residency = residency_at(id, step);
  demand(!given(info), "step {}: '{}' is stored, but is given and has a copy", step, info.name);
  demand(tensor.stored < 0, "step {}: '{}' is stored again, after step {}", step, info.name,
         tensor.stored);
  demand(residency, "step {}: '{}' is stored, but is not resident", step, info.name);
  demand(residency->to != step || !overwritten_at(*residency),
         "step {}: '{}' is stored, but was written over", step, info.name);
  const bool output = info.role == Role::output;
  demand(output || residency->to == step,
         "step {}: '{}' is stored to make room, but stays until step {}", step, info.name,
         residency->to);
  tensor.stored = step;
  auto& sum = output ? verdict_.compulsory_bytes : stored_;
  sum = sum_of(sum, info.bytes);
}

void Replay::drop(std::int64_t step, std::int64_t id) {
  Tensor& tensor = tensors_[id];
  const auto& info = network_.tensors[id];
  const auto* residency = residency_at(id, step);
  demand(!tensor.pinned, "step {}: '{}' is dropped, but is pinned", step, info.name);
  demand(residency && residency->to == step, "step {}: '{}' is dropped, but no residency ends",
         step, info.name);
  const bool needed =
      tensor.last_use > step || info.role == Role::output || residency != tensor.residencies.back();
  demand(given(info) || tensor.stored >= 0 || !needed,
         "step {}: '{}' is dropped without a copy, but is needed later", step, info.name);
  tensor.dropped = step;
  ++tensor.drops;
}

void Replay::check_event_order() const {
  const Claim::Event* before = nullptr;
  for (const auto& each : claim_.events) {
    demand(is_tensor(each.tensor), "an event names tensor {} of {}", each.tensor,
           network_.tensors.size());
    demand(each.step >= 0 && each.step < steps_, "'{}' has an event at step {} of {}",
           name(each.tensor), each.step, steps_);
    const auto key = [](const Claim::Event& e) { return std::tuple(e.step, e.action, e.tensor); };
    const bool both_move = before && before->action == Action::move && each.action == Action::move;
    demand(!before || key(*before) < key(each) || (both_move && before->step == each.step),
           "step {}: the event of '{}' is repeated or out of order", each.step, name(each.tensor));
    before = &each;
  }
}

void Replay::check_events() {
  check_event_order();
  check_moves();
  for (const auto& each : claim_.events) {
    if (each.action == Action::move) move(each.step, each.tensor);
    if (each.action == Action::load) load(each.step, each.tensor);
    if (each.action == Action::store) store(each.step, each.tensor);
    if (each.action == Action::drop) drop(each.step, each.tensor);
  }
}

// Events are distinct and each belongs to a residency, so counting finds those that are missing.
void Replay::check_all_moved() const {
  for (std::size_t id = 0; id < tensors_.size(); ++id) {
    const Tensor& tensor = tensors_[id];
    const auto& info = network_.tensors[id];
    if (tensor.pinned) continue;
    const std::size_t created = given(info) || tensor.residencies.empty() ? 0 : 1;
    if (created == 1)
      demand(tensor.residencies[0]->from == tensor.created,
             "step {}: '{}' is made, but becomes resident at step {}", tensor.created, info.name,
             tensor.residencies[0]->from);
    // the others begin with a move
    const std::size_t rest = tensor.residencies.size() - tensor.moves;
    demand(tensor.loads + created == rest, "'{}' has {} residencies that need a load, but {} loads",
           info.name, rest - created, tensor.loads);
    demand(tensor.drops == rest, "'{}' has {} residencies, but {} drops", info.name, rest,
           tensor.drops);
    demand(info.role != Role::output || tensor.stored >= 0, "output '{}' is never stored",
           info.name);
  }
}

void Replay::run() {
  check_network();
  demand(claim_.status != Status::undecided,
         "the status is undecided: no plan is claimed, so there is none to check");
  check_floor();
  if (claim_.status == Status::infeasible) {
    demand(claim_.order.empty() && claim_.residencies.empty() && claim_.events.empty(),
           "claims to be infeasible, but holds a plan");
    return;
  }
  check_order();
  check_residencies();
  check_frame();
  check_presence();
  check_neighbours();
  check_disjoint();
  check_events();
  check_all_moved();
  check_figures();
}

Verdict check(const Network& network, const Claim& claim) {
  Verdict verdict;
  try {
    Replay(network, claim, verdict).run();
    verdict.accepted = true;
    verdict.reason =
        claim.status == Status::infeasible
            ? fmt::format("infeasible: one operator alone needs {} bytes", verdict.necessary_bytes)
            : fmt::format("{} steps, {} bytes of traffic, {} compulsory", claim.order.size(),
                          verdict.traffic_bytes, verdict.compulsory_bytes);
  } catch (const Rejected& rejected) {
    verdict.reason = rejected.reason;
  }
  return verdict;
}

}  // namespace pliant::checker
