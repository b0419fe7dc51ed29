#include "plan/schedule/schedule.h"

#include <algorithm>
#include <numeric>

#include "plan/schedule/contiguous.h"

namespace pliant::plan {
namespace {

bool given(const Problem& problem, TensorId t) {
  const Role role = problem.tensors[t].role;
  return role == Role::input || role == Role::weight;
}

bool dropped_before(const TensorUses& uses, std::size_t gap) {
  return std::any_of(uses.dropped.begin(), uses.dropped.begin() + gap, [](bool d) { return d; });
}

}  // namespace

Schedule make_schedule(const Problem& problem, const std::vector<OperatorId>& order) {
  Schedule schedule{order, std::vector<TensorUses>(problem.tensors.size())};
  for (std::size_t step = 0; step < order.size(); ++step) {
    const Operator& op = problem.operators[order[step]];
    for (const TensorId t : op.inputs) schedule.uses[t].steps.push_back(step);
    for (const TensorId t : op.outputs) schedule.uses[t].steps.push_back(step);
  }
  for (TensorUses& uses : schedule.uses)
    uses.dropped.assign(uses.steps.empty() ? 0 : uses.steps.size() - 1, false);
  return schedule;
}

bool may_drop(const Problem& problem, const Schedule& schedule, TensorId tensor, std::size_t gap) {
  const TensorUses& uses = schedule.uses[tensor];
  if (given(problem, tensor)) return true;
  if (problem.tensors[tensor].role == Role::output) return uses.steps[gap + 1] >= uses.steps[0] + 2;
  return uses.steps[gap + 1] >= uses.steps[gap] + 2 || dropped_before(uses, gap);
}

std::int64_t drop_price(const Problem& problem, const Schedule& schedule, TensorId tensor,
                        const Costs& costs) {
  const TensorInfo& info = problem.tensors[tensor];
  const TensorUses& uses = schedule.uses[tensor];
  const bool copy = info.role != Role::activation || dropped_before(uses, uses.dropped.size());
  return info.bytes * (costs.read + (copy ? 0 : costs.write));
}

std::int64_t cost_of(const Problem& problem, const Schedule& schedule, const Costs& costs) {
  std::int64_t sum = 0;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const auto& dropped = schedule.uses[t].dropped;
    const std::int64_t loads = std::count(dropped.begin(), dropped.end(), true);
    const std::int64_t stores = loads > 0 && problem.tensors[t].role == Role::activation ? 1 : 0;
    sum += (loads * costs.read + stores * costs.write) * problem.tensors[t].bytes;
  }
  return sum;
}

namespace {

// What is written in place goes on in the rectangle that it is written over, chains of them in the
// first one's.
void draw_rectangles(const Problem& problem, const Schedule& schedule,
                     const std::vector<std::int64_t>& sizes, Layout& layout) {
  std::vector<Layout::Part>& parts = layout.parts;
  std::vector<std::size_t> first(problem.tensors.size(), 0), last = first, root(parts.size());
  std::iota(root.begin(), root.end(), std::size_t{0});
  for (std::size_t i = parts.size(); i-- > 0;)
    if (parts[i].tensor >= 0) first[parts[i].tensor] = i;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].tensor >= 0) last[parts[i].tensor] = i;
  for (const OperatorId op : schedule.order)
    for (const InPlace& pair : problem.operators[op].in_place)
      root[first[pair.output]] = root[last[pair.input]];
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (root[i] != i) continue;
    parts[i].rectangle = layout.rectangles.size();
    layout.rectangles.push_back({sizes[i], parts[i].from, parts[i].to + 1, -1});
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].rectangle = parts[root[i]].rectangle;
    auto& end = layout.rectangles[parts[i].rectangle].upper;
    end = std::max<std::int64_t>(end, parts[i].to + 1);
  }
}

}  // namespace

Layout lay_out(const Problem& problem, const Schedule& schedule) {
  Layout layout;
  std::vector<std::int64_t> sizes;
  const auto add = [&](Layout::Part part, std::int64_t bytes) {
    layout.parts.push_back(part);
    sizes.push_back(bytes);
  };
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const TensorUses& uses = schedule.uses[t];
    for (std::size_t i = 0; i < uses.steps.size();) {
      std::size_t last = i;
      while (last + 1 < uses.steps.size() && !uses.dropped[last]) ++last;
      add({static_cast<TensorId>(t), uses.steps[i], uses.steps[last], i, last},
          problem.tensors[t].bytes);
      i = last + 1;
    }
  }
  for (std::size_t step = 0; step < schedule.order.size(); ++step) {
    const std::int64_t workspace = problem.operators[schedule.order[step]].workspace;
    if (workspace > 0) add({-1, static_cast<Step>(step), static_cast<Step>(step)}, workspace);
  }
  draw_rectangles(problem, schedule, sizes, layout);
  return layout;
}

Plan begin_plan(const Schedule& schedule, const Placing& placing) {
  Plan plan;
  plan.scratchpad_bytes = placing.scratchpad_bytes;
  plan.alignment = placing.options.alignment;
  plan.costs = placing.costs;
  plan.order = schedule.order;
  plan.workspaces.assign(schedule.order.size(), 0);
  return plan;
}

Plan make_plan(const Problem& problem, const Schedule& schedule, const Layout& layout,
               const std::vector<std::int64_t>& offsets, const Placing& placing) {
  Plan plan = begin_plan(schedule, placing);
  for (const Layout::Part& part : layout.parts) {
    const std::int64_t offset = offsets[part.rectangle];
    if (part.tensor < 0) plan.workspaces[part.from] = offset;
    else plan.residencies.push_back({part.tensor, part.from, part.to, offset});
  }
  std::sort(plan.residencies.begin(), plan.residencies.end(), starts_before);
  derive_events(problem, plan);
  return plan;
}

namespace {

struct Leave {
  TensorId tensor = -1;
  std::size_t gap = 0;
  std::int64_t price = INT64_MAX;
};

std::vector<std::size_t> parts_in(const Layout& layout,
                                  const std::vector<std::int32_t>& rectangles) {
  std::vector<std::vector<std::size_t>> parts(layout.rectangles.size());
  for (std::size_t i = 0; i < layout.parts.size(); ++i)
    parts[layout.parts[i].rectangle].push_back(i);
  std::vector<std::size_t> result;
  for (const std::int32_t r : rectangles)
    result.insert(result.end(), parts[r].begin(), parts[r].end());
  return result;
}

// The cheapest gap inside one of these rectangles whose tensor may leave; longest first among
// equals.
Leave cheapest_leave(const Problem& problem, const Schedule& schedule, const Layout& layout,
                     const std::vector<std::int32_t>& among, const Costs& costs) {
  Leave best;
  Step best_length = 0;
  for (const std::size_t i : parts_in(layout, among)) {
    const Layout::Part& part = layout.parts[i];
    for (std::size_t gap = part.first_gap; part.tensor >= 0 && gap < part.last_gap; ++gap) {
      if (schedule.uses[part.tensor].dropped[gap] || !may_drop(problem, schedule, part.tensor, gap))
        continue;
      const auto& steps = schedule.uses[part.tensor].steps;
      const Step length = steps[gap + 1] - steps[gap];
      const std::int64_t price = drop_price(problem, schedule, part.tensor, costs);
      if (price > best.price || (price == best.price && length <= best_length)) continue;
      best = {part.tensor, gap, price};
      best_length = length;
    }
  }
  return best;
}

}  // namespace

Placed place_schedule(const Problem& problem, Schedule schedule, const Placing& placing,
                      std::int64_t budget) {
  Placed placed;
  std::int64_t nodes = 0;
  std::size_t batch = 1;
  for (std::int64_t cost = cost_of(problem, schedule, placing.costs); cost < budget;
       placed.repaired = true) {
    place::PlaceOptions options = placing.options;
    if (options.deadline.left() <= 0 || nodes > placing.most_nodes) return placed;
    if (placed.repaired) options.nodes = placing.repair_nodes;
    const Layout layout = lay_out(problem, schedule);
    const place::Placement result =
        place_layout(problem, schedule, layout, placing.scratchpad_bytes, options);
    nodes += result.nodes;
    placed.nodes = nodes;
    if (result.status == place::Outcome::placed) {
      placed.plan = make_plan(problem, schedule, layout, result.offsets, placing);
      return placed;
    }
    if (options.deadline.stopped()) return placed;
    std::vector<std::int32_t> among = result.core;
    if (result.status == place::Outcome::undecided) {
      placed.decided = false;
      among.resize(layout.rectangles.size());
      std::iota(among.begin(), among.end(), 0);
    }
    for (std::size_t left = 0; left < batch; ++left) {
      const Leave leave = cheapest_leave(problem, schedule, layout, among, placing.costs);
      if (leave.tensor < 0 && left == 0) return placed;
      if (leave.tensor < 0) break;
      schedule.uses[leave.tensor].dropped[leave.gap] = true;
      cost += leave.price;
    }
    // no conflict to go by: soon enough room for anything
    if (result.status == place::Outcome::undecided) batch *= 2;
  }
  return placed;
}

}  // namespace pliant::plan
