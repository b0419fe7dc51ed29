#include "plan/report/plan_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/units.h"
#include "plan/report/transfers.h"

namespace pliant::plan {
namespace {

report::BoxKind kind_of(Role role) {
  switch (role) {
    case Role::input: return report::BoxKind::input;
    case Role::weight: return report::BoxKind::weight;
    case Role::output: return report::BoxKind::output;
    case Role::activation: break;
  }
  return report::BoxKind::activation;
}

report::Way way_of(Action action) {
  if (action == Action::load) return report::Way::in;
  return action == Action::store ? report::Way::out : report::Way::other;
}

std::string span_text(std::int64_t from, std::int64_t to, const std::string& time_name) {
  if (from == to) return fmt::format("{} {}", time_name, from);
  return fmt::format("{}s {} to {}", time_name, from, to);
}

std::string place_text(const report::MapBox& box, const std::string& time_name) {
  return fmt::format("{}, {} B at {}, {}", report::name(box.kind), grouped_text(box.bytes),
                     grouped_text(box.address), span_text(box.from, box.to, time_name));
}

class PlanMap {
 public:
  PlanMap(const Problem& problem, const Plan& plan);
  report::MemoryMap map() &&;

 private:
  const TensorInfo& tensor(TensorId id) const { return problem_.tensors[id]; }
  const Operator& operator_at(Step step) const { return problem_.operators[plan_.order[step]]; }
  bool pinned(TensorId id) const;  // stays from frame to frame
  const Transfer* transfer_at(TensorId tensor, Step step, bool store) const;
  std::string came(const Residency& residency) const;
  std::string over(const Residency& residency) const;
  std::string left(const Residency& residency) const;
  void add_boxes();
  void add_transfers();
  void add_steps();
  void add_demand();

  const Problem& problem_;
  const Plan& plan_;
  std::vector<Transfer> transfers_;
  std::multimap<std::pair<TensorId, Step>, const Transfer*> by_place_;
  std::vector<std::vector<Step>> uses_;  // per tensor: steps of the operators that make or read it
  std::vector<Step> made_;               // per tensor: the step that makes it; -1: given
  report::MemoryMap map_;
};

PlanMap::PlanMap(const Problem& problem, const Plan& plan)
    : problem_(problem),
      plan_(plan),
      transfers_(transfers(problem, plan)),
      uses_(problem.tensors.size()),
      made_(problem.tensors.size(), -1) {
  for (const Transfer& each : transfers_)
    by_place_.emplace(std::pair(each.tensor, each.step), &each);
  for (std::size_t step = 0; step < plan.order.size(); ++step) {
    const Operator& op = operator_at(step);
    for (const TensorId t : op.inputs) uses_[t].push_back(step);
    for (const TensorId t : op.outputs) {
      uses_[t].push_back(step);
      made_[t] = step;
    }
  }
}

bool PlanMap::pinned(TensorId id) const {
  return plan_.frame &&
         std::binary_search(plan_.frame->pinned.begin(), plan_.frame->pinned.end(), id);
}

const Transfer* PlanMap::transfer_at(TensorId tensor, Step step, bool store) const {
  const auto [begin, end] = by_place_.equal_range({tensor, step});
  for (auto at = begin; at != end; ++at)
    if ((at->second->action == Action::store) == store) return at->second;
  return nullptr;
}

std::string PlanMap::came(const Residency& residency) const {
  const std::string& op = operator_at(residency.from).name;
  const Transfer* transfer = transfer_at(residency.tensor, residency.from, false);
  if (transfer != nullptr && transfer->action != Action::load)
    return fmt::format("{} at step {}", name(transfer->action), residency.from);
  if (transfer != nullptr)
    return transfer->compulsory ? fmt::format("first load, compulsory, for {}", op)
                                : fmt::format("loaded again for {}, {} B of traffic", op,
                                              grouped_text(transfer->bytes));
  if (made_[residency.tensor] == residency.from) return "made by " + op + over(residency);
  return "for " + op;
}

// ", over NAME" for a result written where an input was.
std::string PlanMap::over(const Residency& residency) const {
  for (const InPlace& pair : operator_at(residency.from).in_place) {
    if (pair.output != residency.tensor) continue;
    for (const Residency& each : plan_.residencies)
      if (each.tensor == pair.input && each.to == residency.from &&
          each.address == residency.address)
        return ", over " + tensor(pair.input).name;
  }
  return "";
}

std::string PlanMap::left(const Residency& residency) const {
  const auto& uses = uses_[residency.tensor];
  const auto next = std::upper_bound(uses.begin(), uses.end(), residency.to);
  const bool output = tensor(residency.tensor).role == Role::output;
  if (next == uses.end())
    return output ? "then not needed, stored as an output" : "then not needed";
  const std::string again =
      fmt::format("needed again at step {} by {}", *next, operator_at(*next).name);
  const Transfer* store = transfer_at(residency.tensor, residency.to, true);
  if (store != nullptr && !store->compulsory)
    return fmt::format("then stored to make room, {} B of traffic, and {}",
                       grouped_text(store->bytes), again);
  return "then dropped to make room, with a copy off chip, and " + again;
}

void PlanMap::add_boxes() {
  for (const TensorInfo& each : problem_.tensors) map_.things.push_back(each.name);
  for (const Residency& each : plan_.residencies) {
    report::MapBox box{each.from,
                       each.to,
                       each.address,
                       tensor(each.tensor).bytes,
                       kind_of(tensor(each.tensor).role),
                       each.tensor,
                       ""};
    box.text = place_text(box, "step");
    if (pinned(each.tensor)) box.text += "\nstays from frame to frame, never loaded";
    else box.text += "\n" + came(each) + "\n" + left(each);
    map_.boxes.push_back(std::move(box));
  }
  for (std::size_t i = 0; i < plan_.workspaces.size(); ++i) {
    const Step step = i;
    if (operator_at(step).workspace == 0) continue;
    report::MapBox box{
        step, step, plan_.workspaces[i], operator_at(step).workspace, report::BoxKind::workspace,
        -1,   ""};
    box.text = fmt::format("{}\nof {}", place_text(box, "step"), operator_at(step).name);
    map_.boxes.push_back(std::move(box));
  }
}

void PlanMap::add_transfers() {
  std::multimap<TensorId, std::int32_t> boxes;
  for (std::size_t i = 0; i < plan_.residencies.size(); ++i)
    boxes.emplace(plan_.residencies[i].tensor, i);
  for (const Transfer& each : transfers_) {
    report::MapTransfer transfer{each.step, -1, way_of(each.action), each.compulsory, each.bytes};
    const auto [begin, end] = boxes.equal_range(each.tensor);
    for (auto at = begin; at != end; ++at) {
      const Residency& residency = plan_.residencies[at->second];
      if (residency.from <= each.step && each.step <= residency.to) transfer.box = at->second;
    }
    map_.transfers.push_back(transfer);
  }
}

void PlanMap::add_steps() {
  const std::vector<std::int64_t> needed = needed_bytes(problem_);
  for (std::size_t step = 0; step < plan_.order.size(); ++step) {
    const Operator& op = operator_at(step);
    report::MapStep shown{
        op.name, fmt::format("needs {} B", grouped_text(needed[plan_.order[step]])), {}};
    if (op.workspace > 0)
      shown.text += fmt::format(", {} B of it workspace", grouped_text(op.workspace));
    shown.things.insert(shown.things.end(), op.inputs.begin(), op.inputs.end());
    shown.things.insert(shown.things.end(), op.outputs.begin(), op.outputs.end());
    map_.steps.push_back(std::move(shown));
  }
  for (const Transfer& each : transfers_)
    map_.steps[each.step].text +=
        fmt::format("\n{} of {}, {} B{}", name(each.action), tensor(each.tensor).name,
                    grouped_text(each.bytes), each.compulsory ? ", compulsory" : "");
}

void PlanMap::add_demand() {
  map_.demand.assign(plan_.order.size() + 1, 0);
  for (std::size_t t = 0; t < uses_.size(); ++t) {
    if (pinned(t)) {
      map_.demand.front() += problem_.tensors[t].bytes;
      map_.demand.back() -= problem_.tensors[t].bytes;
      continue;
    }
    if (uses_[t].empty()) continue;
    map_.demand[uses_[t].front()] += problem_.tensors[t].bytes;
    map_.demand[uses_[t].back() + 1] -= problem_.tensors[t].bytes;
  }
  for (std::size_t step = 1; step < map_.demand.size(); ++step)
    map_.demand[step] += map_.demand[step - 1];
  map_.demand.pop_back();
  for (std::size_t step = 0; step < map_.demand.size(); ++step) {
    map_.demand[step] += operator_at(step).workspace;
    for (const InPlace& pair : operator_at(step).in_place)
      map_.demand[step] -= tensor(pair.output).bytes;
  }
}

report::MemoryMap PlanMap::map() && {
  map_.end = plan_.order.size();
  map_.capacity = std::max<std::int64_t>(1, plan_.scratchpad_bytes);
  add_boxes();
  add_transfers();
  add_steps();
  add_demand();
  return std::move(map_);
}

}  // namespace

report::MemoryMap map_of(const Problem& problem, const Plan& plan, const std::string& title,
                         const std::vector<report::MapLine>& sizes) {
  report::MemoryMap map = PlanMap(problem, plan).map();
  map.title = title;
  map.lines = sizes;
  map.lines.insert(map.lines.begin(), {"M", map.capacity});
  return map;
}

report::MemoryMap map_of(const place::Instance& instance, const std::vector<std::int64_t>& offsets,
                         std::int64_t capacity, const std::string& title) {
  report::MemoryMap map;
  map.title = title;
  map.time_name = "time";
  map.capacity = std::max<std::int64_t>(1, capacity);
  map.first = INT32_MAX;
  map.end = INT32_MIN;
  for (std::size_t i = 0; i < instance.rectangles.size(); ++i) {
    const place::Rectangle& each = instance.rectangles[i];
    if (each.lower >= each.upper) continue;
    map.first = std::min(map.first, each.lower);
    map.end = std::max(map.end, each.upper);
    report::MapBox box{
        each.lower, each.upper - 1,          offsets[i],
        each.size,  report::BoxKind::buffer, static_cast<std::int32_t>(map.things.size()),
        ""};
    box.text = fmt::format("{} B at {}, {}", grouped_text(box.bytes), grouped_text(box.address),
                           span_text(box.from, box.to, "time"));
    map.things.push_back(instance.ids[i]);
    map.boxes.push_back(std::move(box));
  }
  if (map.first >= map.end) map.first = 0, map.end = 1;
  map.lines = {{"capacity", map.capacity}};
  return map;
}

}  // namespace pliant::plan
