#include "plan/search/fluid.h"

#include <algorithm>
#include <atomic>
#include <tuple>

#include "plan/search/free_operators.h"
#include "plan/search/targets.h"

namespace pliant::plan {
namespace {

// What is kept of a finished layer: enough to walk back and to see who left.
struct Trail {
  std::vector<std::uint32_t> parent;
  std::vector<OperatorId> by;
  std::vector<std::size_t> at;  // of each state's resident words
  std::vector<std::uint64_t> resident;
  std::int64_t bytes() const { return parent.size() * 16 + resident.size() * 8; }
};

Trail make_trail(const std::vector<StateGroup>& layer) {
  Trail trail;
  for (const StateGroup& group : layer) {
    trail.parent.insert(trail.parent.end(), group.parent.begin(), group.parent.end());
    trail.by.insert(trail.by.end(), group.by.begin(), group.by.end());
    for (std::size_t s = 0; s < group.states(); ++s) {
      trail.at.push_back(trail.resident.size());
      trail.resident.insert(trail.resident.end(), group.resident(s),
                            group.resident(s) + group.words);
    }
  }
  return trail;
}

constexpr std::size_t narrow_evictions = 64;  // a narrow search need not try every way to make room

class Search {
 public:
  Search(const ScheduleModel& model, const Pressure& pressure, const CutFinder& cuts,
         const FluidQuery& query, Budget& budget, ThreadPool& pool)
      : model_(model), query_(query), budget_(budget), pool_(pool) {
    expansion_ = {&model, &pressure, &cuts, query.rules, query.variety, query.threshold, {}};
    expansion_.interrupted = [this] {
      return budget_.over() || held_bytes_ > budget_.memory_bytes();
    };
    if (query.width > 0) expansion_.most_evictions = narrow_evictions;
    expansion_.shortened = &shortened_;
    expansion_.held_bytes = &held_bytes_;
    expansion_.budget = &budget;
  }

  FluidAnswer run() {
    layer_.push_back(first_group(expansion_));
    if (layer_[0].ahead[0] >= query_.threshold) return finish(true, query_.threshold);
    answer_.states = 1;
    std::int64_t floor = layer_[0].ahead[0];
    for (std::size_t step = 0; step < model_.operators.size(); ++step) {
      trails_.push_back(make_trail(layer_));
      trail_bytes_ += trails_.back().bytes();
      if (!narrowed()) floor = std::min(query_.threshold, least(layer_));
      advance();
      if (over_limits()) return finish(false, floor);
      if (layer_.empty()) return narrowed() ? finish(false, floor) : finish(true, query_.threshold);
      query_.layer_done(answer_.states);
    }
    trails_.push_back(make_trail(layer_));
    answer_.plan = walk_back();
    return narrowed() ? finish(false, floor) : finish(true, answer_.plan->cost);
  }

 private:
  FluidAnswer finish(bool complete, std::int64_t bound) {
    answer_.complete = complete;
    answer_.bound = bound;
    return std::move(answer_);
  }

  static std::int64_t least(const std::vector<StateGroup>& layer) {
    std::int64_t value = INT64_MAX;
    for (const StateGroup& group : layer)
      for (std::size_t s = 0; s < group.states(); ++s)
        value = std::min(value, group.cost[s] + group.ahead[s]);
    return value;
  }

  bool narrowed() const { return narrowed_ || shortened_; }

  bool over_limits() {
    answer_.bytes = std::max<std::int64_t>(answer_.bytes, held_bytes_);
    return expansion_.interrupted() || answer_.states > query_.most_states;
  }

  bool leads(const StateGroup& group, OperatorId op) const {
    if (must_wait(expansion_, group.done, op)) return false;
    return std::any_of(group.forced.begin(), group.forced.end(),
                       [&](OperatorId f) { return f < 0 || f == op; });
  }

  void advance() {
    Targets found = find_targets(
        layer_.size(), [&](std::size_t g) -> const StateGroup& { return layer_[g]; },
        [&](const StateGroup& group, OperatorId op) { return leads(group, op); });
    std::vector<StateGroup> targets(found.done.size());
    held_bytes_ = trail_bytes_;
    for (const StateGroup& group : layer_) held_bytes_ += bytes_held(group);
    pool_.parallel(targets.size(), [&](std::int64_t i, int) {
      if (budget_.over()) return;
      targets[i].done = std::move(found.done[i]);
      build_group(expansion_, layer_, found.edges[i], targets[i]);
    });
    std::erase_if(targets, [](const StateGroup& group) { return group.states() == 0; });
    layer_ = std::move(targets);
    if (query_.width > 0) narrow();
    std::uint32_t first = 0;
    for (StateGroup& group : layer_) {
      group.first = first;
      first += group.states();
    }
    answer_.states += first;
  }

  struct Rank {
    std::int64_t value = 0, live = 0;
    std::uint64_t mixed = 0;
    std::uint32_t group = 0, state = 0;
    bool operator<(const Rank& o) const {
      return std::tie(value, live, mixed, group, state) <
             std::tie(o.value, o.live, o.mixed, o.group, o.state);
    }
  };

  // Beam: cheapest first, then the one with fewest live bytes.
  void narrow() {
    std::vector<Rank> ranks;
    for (std::uint32_t g = 0; g < layer_.size(); ++g) {
      std::int64_t live = 0;
      for (const std::int64_t b : layer_[g].bytes) live += b;
      for (std::uint32_t s = 0; s < layer_[g].states(); ++s)
        ranks.push_back(
            {layer_[g].cost[s] + layer_[g].ahead[s], live, scramble(query_.variety, g, s), g, s});
    }
    if (ranks.size() <= query_.width) return;
    narrowed_ = true;
    std::nth_element(ranks.begin(), ranks.begin() + query_.width, ranks.end());
    ranks.resize(query_.width);
    std::vector<std::vector<std::uint32_t>> keep(layer_.size());
    for (const Rank& rank : ranks) keep[rank.group].push_back(rank.state);
    for (std::size_t g = 0; g < layer_.size(); ++g) {
      std::sort(keep[g].begin(), keep[g].end());
      retain(layer_[g], keep[g]);
    }
    std::erase_if(layer_, [](const StateGroup& group) { return group.states() == 0; });
  }

  static void retain(StateGroup& group, const std::vector<std::uint32_t>& keep) {
    std::size_t to = 0;
    for (const std::uint32_t s : keep) {
      std::copy_n(&group.masks[s * 2 * group.words], 2 * group.words,
                  &group.masks[to * 2 * group.words]);
      group.cost[to] = group.cost[s];
      group.ahead[to] = group.ahead[s];
      group.parent[to] = group.parent[s];
      group.by[to] = group.by[s];
      group.forced[to++] = group.forced[s];
    }
    group.masks.resize(to * 2 * group.words);
    group.cost.resize(to);
    group.ahead.resize(to);
    group.parent.resize(to);
    group.by.resize(to);
    group.forced.resize(to);
  }

  FluidPlan walk_back() const {
    const std::size_t n = model_.operators.size();
    FluidPlan plan;
    plan.order.resize(n);
    plan.cost = layer_[0].cost[0];
    std::vector<std::uint32_t> state(n + 1, 0);
    for (std::size_t step = n; step > 0; --step) {
      plan.order[step - 1] = trails_[step].by[state[step]];
      state[step - 1] = trails_[step].parent[state[step]];
    }
    plan.evicted = departures(plan.order, state);
    return plan;
  }

  // Replays the live sets; a tensor leaves before a step when it was resident, lives on, and is not
  // resident after it.
  std::vector<std::vector<std::int32_t>> departures(const std::vector<OperatorId>& order,
                                                    const std::vector<std::uint32_t>& state) const {
    std::vector<std::vector<std::int32_t>> evicted(order.size());
    std::vector<std::int32_t> uses(model_.tracked.size(), 0), live, resident;
    for (std::size_t step = 0; step < order.size(); ++step) {
      const ModelOperator& op = model_.operators[order[step]];
      std::vector<std::int32_t> touched, now, here;
      std::merge(op.inputs.begin(), op.inputs.end(), op.outputs.begin(), op.outputs.end(),
                 std::back_inserter(touched));
      for (const std::int32_t t : op.inputs) ++uses[t];
      std::set_union(live.begin(), live.end(), touched.begin(), touched.end(),
                     std::back_inserter(now));
      std::erase_if(
          now, [&](std::int32_t t) { return uses[t] == std::ssize(model_.tracked[t].consumers); });
      const Trail& trail = trails_[step + 1];
      const std::uint64_t* mask = trail.resident.data() + trail.at[state[step + 1]];
      for (std::size_t i = 0; i < now.size(); ++i)
        if (has(mask, i)) here.push_back(now[i]);
      for (const std::int32_t t : resident)
        if (std::binary_search(now.begin(), now.end(), t) &&
            !std::binary_search(here.begin(), here.end(), t))
          evicted[step].push_back(t);
      live = std::move(now);
      resident = std::move(here);
    }
    return evicted;
  }

  const ScheduleModel& model_;
  const FluidQuery& query_;
  Budget& budget_;
  ThreadPool& pool_;
  Expansion expansion_;
  std::vector<StateGroup> layer_;
  std::vector<Trail> trails_;
  std::int64_t trail_bytes_ = 0;
  bool narrowed_ = false;
  std::atomic<bool> shortened_{false};
  std::atomic<std::int64_t> held_bytes_{0};
  FluidAnswer answer_;
};

}  // namespace

Schedule make_schedule(const Problem& problem, const ScheduleModel& model, const FluidPlan& fluid) {
  Schedule schedule = make_schedule(problem, fluid.order);
  for (std::size_t step = 0; step < fluid.evicted.size(); ++step) {
    for (const std::int32_t x : fluid.evicted[step]) {
      TensorUses& uses = schedule.uses[model.tracked[x].tensor];
      const auto later =
          std::upper_bound(uses.steps.begin(), uses.steps.end(), static_cast<Step>(step));
      uses.dropped[later - uses.steps.begin() - 1] = true;
    }
  }
  return schedule;
}

FluidAnswer search_fluid(const ScheduleModel& model, const Pressure& pressure,
                         const FluidQuery& query, Budget& budget, ThreadPool& pool) {
  const CutFinder cuts(model);
  return Search(model, pressure, cuts, query, budget, pool).run();
}

}  // namespace pliant::plan
