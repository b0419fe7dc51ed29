#include "plan/search/addressed.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/checked.h"
#include "plan/search/address_filter.h"
#include "plan/search/targets.h"

namespace pliant::plan {
namespace {

// Every plan can be pushed down until each rectangle lies at 0 or on another one, so these
// addresses suffice: all sums of sizes, rounded up to the alignment on the way. Empty when there
// are more than `most`.
std::vector<std::int64_t> candidate_addresses(const Problem& problem, std::int64_t scratchpad,
                                              std::int64_t alignment, std::size_t most) {
  std::vector<std::int64_t> sizes;
  for (const TensorInfo& t : problem.tensors) sizes.push_back(round_up(t.bytes, alignment));
  for (const Operator& op : problem.operators) sizes.push_back(round_up(op.workspace, alignment));
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  std::erase(sizes, 0);
  std::vector<std::int64_t> found{0}, heap{0};
  const auto later = std::greater<>();
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const std::int64_t at = heap.back();
    heap.pop_back();
    if (at > found.back()) found.push_back(at);
    else if (at != 0) continue;
    if (found.size() > most) return {};
    for (const std::int64_t size : sizes) {
      if (at + size >= scratchpad) break;
      heap.push_back(at + size);
      std::push_heap(heap.begin(), heap.end(), later);
    }
  }
  return found;
}

// Runs one operator from one state in every way: where its tensors go decides who must leave.
class Runner {
 public:
  Runner(const AddressSetting& setting, const AddressGroup& from, Edge edge, AddressGroup& target)
      : setting_(setting),
        from_(from),
        target_(target),
        group_(edge.from),
        op_(edge.op),
        o_(setting.model->operators[edge.op]) {}

  // False when a limit came; what was made is to be thrown away then.
  bool run(std::size_t s) {
    const Tracked* tracked = setting_.model->tracked.data();
    const auto& live = from_.downset.live;
    state_ = from_.state(s);
    source_ = s;
    residents_.clear();
    items_.clear();
    const auto is_input = [&](std::int32_t t) {
      return std::binary_search(o_.inputs.begin(), o_.inputs.end(), t);
    };
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (state_[i] == absent) continue;
      const Tracked& t = tracked[live[i]];
      const std::int64_t price = leave_price(t, !has_copy(mark_of(state_[i])));
      if (!is_input(live[i]))
        residents_.push_back({i, start(state_[i]), start(state_[i]) + t.bytes, price});
    }
    for (const std::int32_t t : o_.inputs) items_.push_back(item_for_input(t));
    for (const std::int32_t t : o_.outputs) items_.push_back({tracked[t].bytes, -1, 0, true, 0});
    tensors_ = items_.size();
    for (const std::int64_t size : setting_.locals[op_]) items_.push_back({size, -1, 0, true, 0});
    steps_ = 0;
    interrupted_ = false;
    enumerate(from_.cost[s]);
    setting_.budget->spend(steps_ % polling + std::exchange(made_, 0) * state_effort);
    return !interrupted_;
  }

 private:
  static constexpr std::int64_t polling = 4096, state_effort = 32;

  struct Resident {
    std::size_t live = 0;
    std::int64_t from = 0, to = 0, price = 0;
  };
  struct Item {
    std::int64_t size = 0;
    std::int32_t here = -1;       // where it is already
    std::int64_t move_price = 0;  // for any other address
    bool movable = true;
    std::int32_t at = 0;  // the choice
  };

  std::int64_t start(std::int32_t code) const { return setting_.addresses[address_of(code)]; }

  Item item_for_input(std::int32_t t) const {
    const auto& live = from_.downset.live;
    const Tracked& tensor = setting_.model->tracked[t];
    const auto at = std::lower_bound(live.begin(), live.end(), t);
    if (at == live.end() || *at != t) return {tensor.bytes, -1, 0, true, 0};
    const std::int32_t now = state_[at - live.begin()];
    if (now == absent) return {tensor.bytes, -1, 0, true, 0};
    const Mark mark = mark_of(now);
    return {tensor.bytes, address_of(now), leave_price(tensor, !has_copy(mark)), !is_fresh(mark),
            0};
  }

  // Depth-first over the items' addresses. items_[k].at is the choice; evicted_ counts who overlaps
  // what.
  void enumerate(std::int64_t cost) {
    evicted_.assign(residents_.size(), 0);
    costs_.assign(items_.size() + 1, cost);
    std::size_t depth = 0;
    if (items_.empty()) return emit(cost);
    items_[0].at = -1;
    while (true) {
      Item& item = items_[depth];
      if (interrupted_) return;
      if (item.at >= 0) lift(item);
      if (!next_address(depth)) {
        if (depth == 0) return;
        --depth;
        continue;
      }
      if (depth + 1 == items_.size()) {
        emit(costs_[depth + 1]);
        if (costs_[depth + 1] == costs_[tensors_]) depth = leave_locals(depth);
        if (depth == items_.size()) return;
        continue;
      }
      items_[++depth].at = -1;
    }
  }

  // When what lives in this step only is in nobody's way, every other place for it drives out more
  // and ends in the same state but for that. Lifts it and gives the last tracked item's depth; the
  // number of items when there is none.
  std::size_t leave_locals(std::size_t depth) {
    for (; depth >= tensors_; --depth) {
      lift(items_[depth]);
      items_[depth].at = -1;
      if (depth == 0) return items_.size();
    }
    return depth;
  }

  // Puts item `depth` at its next possible address; false when there is none (it is then not down).
  bool next_address(std::size_t depth) {
    Item& item = items_[depth];
    for (++item.at; item.at < std::ssize(setting_.addresses); ++item.at) {
      const std::int64_t from = setting_.addresses[item.at], to = from + item.size;
      if (to > setting_.query->scratchpad_bytes || poll()) break;
      if (item.here >= 0 && item.at != item.here && !item.movable) continue;
      if (clashes(depth, from, to)) continue;
      std::int64_t cost =
          costs_[depth] + (item.here >= 0 && item.at != item.here ? item.move_price : 0);
      for (std::size_t r = 0; r < residents_.size(); ++r)
        if (residents_[r].from < to && from < residents_[r].to && evicted_[r]++ == 0)
          cost += residents_[r].price;
      costs_[depth + 1] = cost;
      if (cost < setting_.query->threshold) return true;
      lower_next(cost);
      lift(item);
    }
    item.at = -1;
    return false;
  }

  bool poll() {
    if (++steps_ % polling == 0) {
      setting_.budget->spend(polling + std::exchange(made_, 0) * state_effort);
      target_.count_bytes(*setting_.bytes);
      interrupted_ = setting_.interrupted();
    }
    return interrupted_;
  }

  bool clashes(std::size_t depth, std::int64_t from, std::int64_t to) const {
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int64_t at = setting_.addresses[items_[k].at];
      if (at < to && from < at + items_[k].size) return true;
    }
    return false;
  }

  void lift(const Item& item) {
    const std::int64_t from = setting_.addresses[item.at], to = from + item.size;
    for (std::size_t r = 0; r < residents_.size(); ++r)
      if (residents_[r].from < to && from < residents_[r].to) --evicted_[r];
  }

  void lower_next(std::int64_t cost) {
    std::int64_t known = *setting_.next;
    while (cost < known && !setting_.next->compare_exchange_weak(known, cost)) {
    }
  }

  // Marks after the step: what it needed is fresh while it has no copy that a later step may load.
  std::int32_t input_code(std::size_t k, std::int32_t t) const {
    const auto& live = from_.downset.live;
    const Item& item = items_[k];
    if (item.here < 0 || item.at != item.here) return code(item.at, Mark::clean);
    const auto at = std::lower_bound(live.begin(), live.end(), t);
    return code(item.at,
                has_copy(mark_of(state_[at - live.begin()])) ? Mark::clean : Mark::fresh_dirty);
  }

  void emit(std::int64_t cost) {
    const auto& old = from_.downset.live;
    const auto& live = target_.downset.live;
    now_.assign(live.size(), absent);
    const auto set = [&](std::int32_t t, std::int32_t value) {
      const auto at = std::lower_bound(live.begin(), live.end(), t);
      if (at != live.end() && *at == t) now_[at - live.begin()] = value;
    };
    for (std::size_t r = 0; r < residents_.size(); ++r) {
      const std::int32_t was = state_[residents_[r].live];
      const Mark mark = has_copy(mark_of(was)) ? Mark::clean : Mark::dirty;
      if (evicted_[r] == 0) set(old[residents_[r].live], code(address_of(was), mark));
    }
    for (std::size_t k = 0; k < o_.inputs.size(); ++k)
      set(o_.inputs[k], input_code(k, o_.inputs[k]));
    for (std::size_t k = 0; k < o_.outputs.size(); ++k) {
      const bool clean = setting_.model->tracked[o_.outputs[k]].born_clean;
      set(o_.outputs[k],
          code(items_[o_.inputs.size() + k].at, clean ? Mark::fresh_clean : Mark::fresh_dirty));
    }
    keep(cost);
  }

  void keep(std::int64_t cost) {
    StateGroup& group = target_.downset;
    masks_.assign(2 * group.words, 0);
    for (std::size_t i = 0; i < now_.size(); ++i) {
      if (now_[i] == absent) continue;
      put(masks_.data(), i);
      if (!has_copy(mark_of(now_[i]))) put(masks_.data() + group.words, i);
    }
    const std::int64_t total = cost + bound_ahead(group, masks_.data());
    if (total >= setting_.query->threshold) return lower_next(total);
    target_.codes.insert(target_.codes.end(), now_.begin(), now_.end());
    ++made_;
    target_.cost.push_back(cost);
    target_.parent.emplace_back(group_, source_);
    target_.by.push_back(op_);
    target_.taken_at.push_back(target_.taken.size());
    for (std::size_t k = 0; k < tensors_; ++k) target_.taken.push_back(items_[k].at);
  }

  const AddressSetting& setting_;
  const AddressGroup& from_;
  AddressGroup& target_;
  std::uint32_t group_;
  OperatorId op_;
  const ModelOperator& o_;
  const std::int32_t* state_ = nullptr;
  std::size_t source_ = 0, tensors_ = 0;
  std::int64_t steps_ = 0, made_ = 0;
  bool interrupted_ = false;
  std::vector<Resident> residents_;
  std::vector<Item> items_;
  std::vector<int> evicted_;
  std::vector<std::int64_t> costs_;
  std::vector<std::int32_t> now_;
  Bitset masks_;
};

void retain(AddressGroup& group, const std::vector<std::uint32_t>& keep,
            const ScheduleModel& model) {
  AddressGroup result;
  const std::size_t width = group.downset.live.size();
  for (const std::uint32_t s : keep) {
    const ModelOperator& op = model.operators[group.by[s]];
    result.codes.insert(result.codes.end(), group.state(s), group.state(s) + width);
    result.cost.push_back(group.cost[s]);
    result.parent.push_back(group.parent[s]);
    result.by.push_back(group.by[s]);
    result.taken_at.push_back(result.taken.size());
    const auto from = group.taken.begin() + (group.taken_at[s]);
    result.taken.insert(result.taken.end(), from, from + (op.inputs.size() + op.outputs.size()));
  }
  result.counted = group.counted;
  result.downset = std::move(group.downset);
  group = std::move(result);
}

class AddressSearch {
 public:
  AddressSearch(const AddressSetting& setting, ThreadPool& pool) : setting_(setting), pool_(pool) {}

  AddressedAnswer run() {
    AddressGroup first;
    first.downset = first_group(setting_.expansion);
    first.cost.assign(1, 0);
    layers_.emplace_back().push_back(std::move(first));
    for (std::size_t step = 0; step < setting_.model->operators.size(); ++step) {
      advance();
      answer_.bytes = std::max<std::int64_t>(answer_.bytes, *setting_.bytes);
      if (setting_.interrupted()) return answer_;
      if (layers_.back().empty()) break;
    }
    answer_.complete = true;
    answer_.next = *setting_.next;
    if (!layers_.back().empty()) answer_.schedule = walk_back();
    return answer_;
  }

 private:
  void advance() {
    const auto& layer = layers_.back();
    Targets found = find_targets(
        layer.size(), [&](std::size_t g) -> const StateGroup& { return layer[g].downset; },
        [](const StateGroup&, OperatorId) { return true; });
    std::vector<AddressGroup> targets(found.done.size());
    pool_.parallel(targets.size(), [&](std::int64_t i, int) {
      targets[i].downset.done = std::move(found.done[i]);
      build(layer, found.edges[i], targets[i]);
    });
    std::erase_if(targets, [](const AddressGroup& group) { return group.states() == 0; });
    for (const AddressGroup& group : targets) answer_.states += group.states();
    layers_.push_back(std::move(targets));
  }

  void build(const std::vector<AddressGroup>& layer, const std::vector<Edge>& edges,
             AddressGroup& target) const {
    if (setting_.interrupted()) return;
    describe_group(setting_.expansion, layer[edges.front().from].downset, edges.front().op,
                   target.downset);
    std::size_t settled = 1024;
    for (const Edge& edge : edges) {
      Runner runner(setting_, layer[edge.from], edge, target);
      for (std::size_t s = 0; s < layer[edge.from].states(); ++s) {
        if (!runner.run(s) || (s % 64 == 63 && setting_.interrupted())) return;
        if (target.states() < settled) continue;
        thin(target);  // keeps memory near what will stay
        settled = 2 * target.states() + 1024;
      }
    }
    thin(target);
  }

  void thin(AddressGroup& target) const {
    retain(target, undominated(setting_, target), *setting_.model);
    target.count_bytes(*setting_.bytes);
  }

  // Replays where each tensor was at each of its needs; it left in a gap if it was absent there or
  // came back elsewhere.
  Schedule walk_back() const {
    const std::size_t n = setting_.model->operators.size();
    std::vector<OperatorId> order(n);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> at(n + 1, {0, 0});
    for (std::size_t step = n; step > 0; --step) {
      const AddressGroup& group = layers_[step][at[step].first];
      order[step - 1] = group.by[at[step].second];
      at[step - 1] = group.parent[at[step].second];
    }
    Schedule schedule = make_schedule(*setting_.problem, order);
    std::vector<std::int32_t> last(setting_.model->tracked.size(), absent);
    std::vector<std::size_t> needs(last.size(), 0);
    std::vector<bool> away(last.size(), false);
    for (std::size_t step = 0; step < n; ++step) {
      const AddressGroup& group = layers_[step + 1][at[step + 1].first];
      const std::size_t s = at[step + 1].second;
      const ModelOperator& op = setting_.model->operators[order[step]];
      std::vector<std::int32_t> used = op.inputs;
      used.insert(used.end(), op.outputs.begin(), op.outputs.end());
      for (std::size_t k = 0; k < used.size(); ++k) {
        const std::int32_t x = used[k], place = group.taken[group.taken_at[s] + k];
        if (needs[x] > 0)
          schedule.uses[setting_.model->tracked[x].tensor].dropped[needs[x] - 1] =
              away[x] || place != last[x];
        ++needs[x];
        last[x] = place;
        away[x] = false;
      }
      for (std::size_t i = 0; i < group.downset.live.size(); ++i)
        if (group.state(s)[i] == absent) away[group.downset.live[i]] = true;
    }
    return schedule;
  }

  const AddressSetting& setting_;
  ThreadPool& pool_;
  std::vector<std::vector<AddressGroup>> layers_;
  AddressedAnswer answer_;
};

std::vector<std::vector<std::int64_t>> local_sizes(const Problem& problem,
                                                   const ScheduleModel& model) {
  std::vector<bool> tracked(problem.tensors.size(), false);
  for (const Tracked& t : model.tracked) tracked[t.tensor] = true;
  std::vector<std::vector<std::int64_t>> locals(problem.operators.size());
  for (std::size_t op = 0; op < locals.size(); ++op) {
    const auto add = [&](std::int64_t bytes) {
      if (bytes > 0) locals[op].push_back(bytes);
    };
    for (const TensorId t : problem.operators[op].inputs)
      if (!tracked[t]) add(problem.tensors[t].bytes);
    for (const TensorId t : problem.operators[op].outputs)
      if (!tracked[t]) add(problem.tensors[t].bytes);
    add(problem.operators[op].workspace);
  }
  return locals;
}

}  // namespace

AddressedAnswer search_addressed(const Problem& problem, const ScheduleModel& model,
                                 const Pressure& pressure, const AddressedQuery& query,
                                 Budget& budget, ThreadPool& pool) {
  std::atomic<std::int64_t> next{INT64_MAX}, bytes{0};
  AddressSetting setting{&problem, &model, &query, &budget, {}, {}, local_sizes(problem, model),
                         &next,    &bytes};
  const CutFinder cuts(model);
  setting.expansion = {
      &model, &pressure, &cuts, query.rules, 0, query.threshold, [&] { return budget.over(); }};
  setting.expansion.rules.free_operators = false;
  setting.addresses = candidate_addresses(problem, query.scratchpad_bytes, query.alignment, 1024);
  if (setting.addresses.empty()) return {};
  return AddressSearch(setting, pool).run();
}

}  // namespace pliant::plan
