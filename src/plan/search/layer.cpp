#include "plan/search/layer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/checked.h"
#include "plan/search/free_operators.h"

namespace pliant::plan {
namespace {

// ---- the downset: live tensors, ready operators ----

bool pending(const ScheduleModel& model, std::int32_t tensor, const Bitset& done) {
  const auto& consumers = model.tracked[tensor].consumers;
  return std::any_of(consumers.begin(), consumers.end(),
                     [&](OperatorId c) { return !has(done, c); });
}

std::vector<std::int32_t> next_live(const ScheduleModel& model, const StateGroup& from,
                                    OperatorId op, const Bitset& done) {
  const ModelOperator& o = model.operators[op];
  std::vector<std::int32_t> touched, live, result;
  std::merge(o.inputs.begin(), o.inputs.end(), o.outputs.begin(), o.outputs.end(),
             std::back_inserter(touched));
  std::set_union(from.live.begin(), from.live.end(), touched.begin(), touched.end(),
                 std::back_inserter(live));
  for (const std::int32_t t : live)
    if (pending(model, t, done)) result.push_back(t);
  return result;
}

bool is_ready(const ScheduleModel& model, OperatorId op, const Bitset& done) {
  const auto& before = model.operators[op].before;
  return std::all_of(before.begin(), before.end(), [&](OperatorId b) { return has(done, b); });
}

std::vector<OperatorId> next_ready(const ScheduleModel& model, const StateGroup& from,
                                   OperatorId op, const Bitset& done) {
  std::vector<OperatorId> ready;
  for (const OperatorId r : from.ready)
    if (r != op) ready.push_back(r);
  for (const OperatorId a : model.operators[op].after)
    if (is_ready(model, a, done)) ready.push_back(a);
  std::sort(ready.begin(), ready.end());
  return ready;
}

void describe_live(const Expansion& expansion, StateGroup& group) {
  group.words = std::max<std::size_t>(1, words_for(group.live.size()));
  for (const std::int32_t t : group.live) {
    const Tracked& tensor = expansion.model->tracked[t];
    group.bytes.push_back(tensor.bytes);
    group.space.push_back(tensor.space);
    group.load_price.push_back(tensor.load_price);
    group.store_price.push_back(tensor.store_price);
  }
  group.costs = expansion.model->costs;
}

// What is alive at a minimum cut, seen as a critical operator: any live tensor may be among it, its
// own inputs apart.
Critical critical_at(const Expansion& expansion, const StateGroup& group, const OperatorCut& cut,
                     std::int64_t need) {
  const ScheduleModel& model = *expansion.model;
  const auto& inputs = model.operators[cut.op].inputs;
  Critical critical{need, 0, expansion.cuts->unit(cut.op), Bitset(group.words, 0)};
  for (std::size_t i = 0; i < group.live.size(); ++i)
    if (!std::binary_search(inputs.begin(), inputs.end(), group.live[i])) put(critical.alive, i);
  for (std::size_t t = 0; t < model.tracked.size(); ++t)
    if (model.tracked[t].born_clean &&
        !std::binary_search(group.live.begin(), group.live.end(), static_cast<int>(t)))
      critical.future_clean += model.tracked[t].bytes;
  return critical;
}

constexpr std::size_t renewed_cuts = 2;  // per downset: the cuts cost more than the rest of it
constexpr std::size_t bounding_cuts = 4;

std::int64_t need_at(const ScheduleModel& model, const OperatorCut& cut) {
  return cut.cut->alive + model.operators[cut.op].need - model.capacity;
}

void renew(const Expansion& expansion, StateGroup& group, OperatorCut& cut) {
  cut = {cut.op, false, std::make_shared<const Cut>(expansion.cuts->find(group.done, cut.op))};
}

void inherit_cuts(const Expansion& expansion, const StateGroup& before, OperatorId op,
                  StateGroup& group) {
  for (const OperatorCut& cut : before.operator_cuts) {
    if (cut.op == op) continue;
    group.operator_cuts.push_back(cut);
    group.operator_cuts.back().stale |= !has(cut.cut->executed, op);
  }
  std::stable_sort(group.operator_cuts.begin(), group.operator_cuts.end(),
                   [&](const OperatorCut& a, const OperatorCut& b) {
                     return need_at(*expansion.model, a) > need_at(*expansion.model, b);
                   });
  std::size_t renewed = 0;
  for (OperatorCut& cut : group.operator_cuts) {
    if (!cut.stale) continue;
    if (++renewed > renewed_cuts) break;
    renew(expansion, group, cut);
  }
}

void describe_bound(const Expansion& expansion, const StateGroup* before, OperatorId op,
                    StateGroup& group) {
  if (!expansion.rules.lower_bound) return;
  if (before != nullptr) inherit_cuts(expansion, *before, op, group);
  else
    for (const Pressure::Suspect& suspect : expansion.pressure->suspects) {
      group.operator_cuts.push_back({suspect.op, true, nullptr});
      renew(expansion, group, group.operator_cuts.back());
    }
  group.critical = find_critical(*expansion.model, *expansion.pressure, group.done, group.live);
  std::vector<std::pair<std::int64_t, const OperatorCut*>> worst;
  for (const OperatorCut& cut : group.operator_cuts)
    if (need_at(*expansion.model, cut) > 0)
      worst.emplace_back(need_at(*expansion.model, cut), &cut);
  std::stable_sort(worst.begin(), worst.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < std::min(worst.size(), bounding_cuts); ++i)
    group.critical.push_back(critical_at(expansion, group, *worst[i].second, worst[i].first));
}

// Need bytes must be absent at a pressed operator. Absent ones are paid for; the rest leaves at one
// load each, or at a store and a load where there is no copy yet. Tensors count as divisible, so
// this is below any true choice.
std::int64_t bound_for(const Critical& critical, const StateGroup& group,
                       const std::uint64_t* masks) {
  std::int64_t absent = 0, clean = critical.future_clean;
  for (std::size_t w = 0; w < group.words; ++w) {
    const std::uint64_t resident = masks[w], dirty = masks[group.words + w],
                        alive = critical.alive[w];
    each_bit(alive & ~resident, w * 64, [&](std::size_t i) { absent += group.bytes[i]; });
    each_bit(alive & resident & ~dirty, w * 64, [&](std::size_t i) { clean += group.bytes[i]; });
  }
  const std::int64_t short_of = critical.need - absent;
  if (short_of <= 0) return 0;
  const std::int64_t need = round_up(short_of, critical.unit);
  return need * (group.costs.read + group.costs.write) - std::min(need, clean) * group.costs.write;
}

// ---- one operator from one downset to the next ----

struct Move {
  // position of each old live tensor in the new live set; -1: freed
  std::vector<std::int32_t> to;
  Bitset inputs;  // over old live positions
  // new positions that are resident after the operator, besides kept ones
  std::vector<std::int32_t> born;
  std::vector<std::int32_t> born_dirty;  // of these, without a copy
  std::int64_t step_space = 0;           // of the operator's whole step
};

Move make_move(const ScheduleModel& model, const StateGroup& from, const StateGroup& target,
               OperatorId op) {
  const ModelOperator& o = model.operators[op];
  Move move;
  move.step_space = o.need;
  move.inputs.assign(from.words, 0);
  for (const std::int32_t t : from.live) move.to.push_back(position(target.live, t));
  for (const std::int32_t t : o.inputs) {
    const std::int32_t old = position(from.live, t), now = position(target.live, t);
    if (old >= 0) put(move.inputs, old);
    if (now >= 0) move.born.push_back(now);
  }
  for (const std::int32_t t : o.outputs) {
    const std::int32_t now = position(target.live, t);
    if (now < 0) continue;
    move.born.push_back(now);
    if (!model.tracked[t].born_clean) move.born_dirty.push_back(now);
  }
  return move;
}

struct Candidates {
  std::size_t words = 1;
  std::vector<std::uint64_t> masks;
  std::vector<std::int64_t> cost, ahead;
  std::vector<std::uint32_t> parent;
  std::vector<OperatorId> by;
};

// The smallest sets (none of whose members can be left out) of resident tensors that make room,
// largest tensor first.
class Evictions {
 public:
  // visit(chosen positions, price) for each minimal set of at least `excess` space and less than
  // `budget` price; it returns whether to go on, and so does pause(), which is called between sets
  // too.
  template <typename Visit, typename Pause>
  void each(const StateGroup& group, const std::uint64_t* resident, const std::uint64_t* dirty,
            const Bitset& keep, std::int64_t excess, std::int64_t budget, Visit&& visit,
            Pause&& pause) {
    collect(group, resident, dirty, keep);
    chosen_.clear();
    std::int64_t space = 0, price = 0;
    std::size_t work = 0;
    for (std::size_t next = 0;;) {
      if (++work % 1024 == 0 && !pause(work)) return;
      const bool enough = space >= excess;
      if (enough && space - space_[chosen_.back()] < excess && !visit(candidates_, chosen_, price))
        return;
      if (!enough && next < candidates_.size() && space + rest_[next] >= excess &&
          price + price_[next] < budget) {
        chosen_.push_back(next);
        space += space_[next];
        price += price_[next++];
        continue;
      }
      // too dear: try without it
      if (!enough && next < candidates_.size() && space + rest_[next] >= excess) {
        ++next;
        continue;
      }
      if (chosen_.empty()) return;
      next = chosen_.back() + 1;
      space -= space_[chosen_.back()];
      price -= price_[chosen_.back()];
      chosen_.pop_back();
    }
  }

 private:
  void collect(const StateGroup& group, const std::uint64_t* resident, const std::uint64_t* dirty,
               const Bitset& keep) {
    candidates_.clear();
    for (std::size_t w = 0; w < group.words; ++w)
      each_bit(resident[w] & ~keep[w], w * 64, [&](std::size_t i) { candidates_.push_back(i); });
    std::sort(candidates_.begin(), candidates_.end(), [&](std::size_t a, std::size_t b) {
      return group.space[a] != group.space[b] ? group.space[a] > group.space[b] : a < b;
    });
    space_.clear();
    price_.clear();
    for (const std::size_t i : candidates_) {
      space_.push_back(group.space[i]);
      price_.push_back(leave_price(group, dirty, i));
    }
    rest_.assign(candidates_.size() + 1, 0);
    for (std::size_t i = candidates_.size(); i-- > 0;) rest_[i] = rest_[i + 1] + space_[i];
  }

  std::vector<std::size_t> candidates_, chosen_;
  std::vector<std::int64_t> space_, price_, rest_;
};

// making one, against comparing two states
constexpr std::int64_t group_effort = 1024, state_effort = 16;

class StateCollector {
 public:
  StateCollector(const Expansion& expansion, StateGroup& target)
      : expansion_(expansion), target_(target) {
    out_.words = target.words;
  }

  void collect(const StateGroup& from, OperatorId op) {
    const Move move = make_move(*expansion_.model, from, target_, op);
    for (std::size_t s = 0; s < from.states(); ++s) {
      if (from.forced[s] >= 0 && from.forced[s] != op) continue;
      if (++polled_ % 256 == 0 && paused()) return;
      collect_state(from, s, op, move);
      ++tried_;
    }
  }

  Candidates finish() {
    expansion_.budget->spend(group_effort + tried_ * state_effort);
    *expansion_.held_bytes -= counted_;
    return std::move(out_);
  }

 private:
  void collect_state(const StateGroup& from, std::size_t s, OperatorId op, const Move& move) {
    const std::uint64_t *resident = from.resident(s), *dirty = from.dirty(s);
    kept_.assign(resident, resident + from.words);
    std::int64_t others = 0;
    for (std::size_t w = 0; w < from.words; ++w)
      each_bit(resident[w] & ~move.inputs[w], w * 64,
               [&](std::size_t i) { others += from.space[i]; });
    const std::int64_t excess = others + move.step_space - expansion_.model->capacity;
    if (excess <= 0) return add(from, s, op, move, 0);
    std::size_t tried = 0;
    evictions_.each(
        from, resident, dirty, move.inputs, excess, expansion_.threshold - from.cost[s],
        [&](const auto& candidates, const auto& chosen, std::int64_t price) {
          for (const std::size_t c : chosen) take_out(kept_.data(), candidates[c]);
          add(from, s, op, move, price);
          for (const std::size_t c : chosen) put(kept_, candidates[c]);
          ++tried_;
          return ++tried < expansion_.most_evictions || shorten();
        },
        [&](std::size_t work) {
          expansion_.budget->spend(1024);
          if (expansion_.most_evictions < work / 64) return shorten();
          return !paused();
        });
  }

  bool shorten() {
    *expansion_.shortened = true;
    return false;
  }

  bool paused() {
    const std::int64_t bytes = out_.masks.size() * 8 + out_.cost.size() * 28;
    *expansion_.held_bytes += bytes - counted_;
    counted_ = bytes;
    return expansion_.interrupted();
  }

  void add(const StateGroup& from, std::size_t s, OperatorId op, const Move& move,
           std::int64_t price) {
    const std::size_t words = target_.words, at = out_.masks.size();
    out_.masks.resize(at + 2 * words, 0);
    std::uint64_t* masks = &out_.masks[at];
    for (std::size_t w = 0; w < from.words; ++w) {
      each_bit(kept_[w], w * 64, [&](std::size_t i) {
        if (move.to[i] < 0) return;
        put(masks, move.to[i]);
        if (has(from.dirty(s), i)) put(masks + words, move.to[i]);
      });
    }
    for (const std::int32_t i : move.born) put(masks, i);
    for (const std::int32_t i : move.born_dirty) put(masks + words, i);
    const std::int64_t cost = from.cost[s] + price;
    const std::int64_t ahead =
        std::max(bound_ahead(target_, masks), from.ahead[s] - price);  // a bound holds on the way
    if (cost + ahead >= expansion_.threshold) {
      out_.masks.resize(at);
      return;
    }
    out_.cost.push_back(cost);
    out_.ahead.push_back(ahead);
    out_.parent.push_back(from.first + s);
    out_.by.push_back(op);
  }

  const Expansion& expansion_;
  StateGroup& target_;
  Candidates out_;
  Evictions evictions_;
  Bitset kept_;
  std::size_t polled_ = 0;
  std::int64_t tried_ = 0;    // states and sets that leave
  std::int64_t counted_ = 0;  // bytes of candidates that held_bytes knows of
};

// ---- keeping only undominated states ----

class Filter {
 public:
  Filter(const StateGroup& group, const Candidates& all, const Expansion& expansion)
      : group_(group), all_(all), expansion_(expansion), dominance_(expansion.rules.dominance) {}

  std::vector<std::uint32_t> keep() {
    std::vector<std::uint32_t> order(all_.cost.size()), kept;
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return before(a, b); });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (compared_ >= 4096 || i % 256 == 255) {
        expansion_.budget->spend(std::exchange(compared_, 0));
        if (expansion_.interrupted()) break;  // what is left is thrown away anyway
      }
      if (i > 0 && same(order[i - 1], order[i])) continue;
      compared_ += kept.size();
      if (!beaten(order[i])) kept.push_back(order[i]);
    }
    expansion_.budget->spend(std::exchange(compared_, 0));
    return kept;
  }

 private:
  const std::uint64_t* masks(std::uint32_t i) const { return &all_.masks[i * 2 * all_.words]; }
  bool same(std::uint32_t a, std::uint32_t b) const {
    return std::equal(masks(a), masks(a) + 2 * all_.words, masks(b));
  }
  bool before(std::uint32_t a, std::uint32_t b) const {
    if (all_.cost[a] != all_.cost[b]) return all_.cost[a] < all_.cost[b];
    const int masks_order = compare_masks(a, b);
    if (masks_order != 0)
      return masks_order <
             0;  // at equal cost an absent tensor is paid for: it beats a resident one
    const std::uint64_t mixed_a = scramble(expansion_.variety, all_.parent[a], all_.by[a]);
    const std::uint64_t mixed_b = scramble(expansion_.variety, all_.parent[b], all_.by[b]);
    if (mixed_a != mixed_b) return mixed_a < mixed_b;
    if (all_.by[a] != all_.by[b]) return all_.by[a] < all_.by[b];
    return all_.parent[a] < all_.parent[b];
  }
  int compare_masks(std::uint32_t a, std::uint32_t b) const {
    for (std::size_t w = 0; w < 2 * all_.words; ++w)
      if (masks(a)[w] != masks(b)[w]) return masks(a)[w] < masks(b)[w] ? -1 : 1;
    return 0;
  }

  // Cost less what its state has paid for beyond resident and dirty: no state can beat one with a
  // smaller value.
  std::int64_t sunk(std::uint32_t i) const {
    std::int64_t paid = 0;
    for (std::size_t p = 0; p < group_.live.size(); ++p)
      if (!has(masks(i), p)) paid += group_.load_price[p] + group_.store_price[p];
      else if (!has(masks(i) + all_.words, p)) paid += group_.store_price[p];
    return all_.cost[i] - paid;
  }

  bool beaten(std::uint32_t b) {
    const std::int64_t mine = sunk(b);
    if (dominance_)
      for (std::size_t k = 0; k < kept_.size(); ++k)
        if (sunk_[k] <= mine && dominates(kept_[k], b)) return true;
    if (!dominance_)
      for (const std::uint32_t a : kept_)
        if (same(a, b)) return true;
    kept_.push_back(b);
    sunk_.push_back(mine);
    return false;
  }

  // a can be turned into b, by storing and dropping, for no more than b costs beyond a.
  bool dominates(std::uint32_t a, std::uint32_t b) const {
    std::int64_t slack = all_.cost[b] - all_.cost[a];
    const std::uint64_t *ma = masks(a), *mb = masks(b);
    for (std::size_t w = 0; w < 2 * all_.words; ++w) {
      const bool here = w < all_.words;  // resident words come first, then dirty ones
      const std::size_t base = here ? w * 64 : (w - all_.words) * 64;
      const std::vector<std::int64_t>& price = here ? group_.load_price : group_.store_price;
      for (std::uint64_t bits = ma[w] & ~mb[w]; bits != 0; bits &= bits - 1) {
        slack -= price[base + std::countr_zero(bits)];
        if (slack < 0) return false;
      }
    }
    return true;
  }

  const StateGroup& group_;
  const Candidates& all_;
  const Expansion& expansion_;
  bool dominance_;
  std::int64_t compared_ = 0;  // not yet spent
  std::vector<std::uint32_t> kept_;
  std::vector<std::int64_t> sunk_;
};

void store(const Candidates& all, const std::vector<std::uint32_t>& kept, StateGroup& group) {
  for (const std::uint32_t i : kept) {
    const std::uint64_t* masks = &all.masks[i * 2 * all.words];
    group.masks.insert(group.masks.end(), masks, masks + 2 * all.words);
    group.cost.push_back(all.cost[i]);
    group.ahead.push_back(all.ahead[i]);
    group.parent.push_back(all.parent[i]);
    group.by.push_back(all.by[i]);
  }
}

}  // namespace

std::int64_t bound_ahead(const StateGroup& group, const std::uint64_t* masks) {
  std::int64_t bound = 0;
  for (const Critical& critical : group.critical)
    bound = std::max(bound, bound_for(critical, group, masks));
  return bound;
}

void describe_group(const Expansion& expansion, const StateGroup& before, OperatorId op,
                    StateGroup& target) {
  target.live = next_live(*expansion.model, before, op, target.done);
  target.ready = next_ready(*expansion.model, before, op, target.done);
  describe_live(expansion, target);
  describe_bound(expansion, &before, op, target);
}

StateGroup first_group(const Expansion& expansion) {
  StateGroup group;
  const ScheduleModel& model = *expansion.model;
  group.done.assign(std::max<std::size_t>(1, words_for(model.operators.size())), 0);
  for (std::size_t op = 0; op < model.operators.size(); ++op)
    if (model.operators[op].before.empty()) group.ready.push_back(op);
  describe_live(expansion, group);
  describe_bound(expansion, nullptr, -1, group);
  group.masks.assign(2 * group.words, 0);
  group.cost.assign(1, 0);
  group.ahead.assign(1, bound_ahead(group, group.masks.data()));
  group.parent.assign(1, 0);
  group.by.assign(1, -1);
  find_forced(expansion, group);
  return group;
}

void build_group(const Expansion& expansion, const std::vector<StateGroup>& before,
                 const std::vector<Edge>& edges, StateGroup& target) {
  describe_group(expansion, before[edges.front().from], edges.front().op, target);
  StateCollector collector(expansion, target);
  for (const Edge& edge : edges) collector.collect(before[edge.from], edge.op);
  const Candidates all = collector.finish();
  store(all, Filter(target, all, expansion).keep(), target);
  find_forced(expansion, target);
  *expansion.held_bytes += bytes_held(target);
}

std::uint64_t scramble(std::uint64_t variety, std::uint64_t a, std::uint64_t b) {
  if (variety == 0) return 0;
  std::uint64_t mixed = variety * 0x9e3779b97f4a7c15ULL ^ (a << 32 | b);
  mixed = (mixed ^ mixed >> 31) * 0xff51afd7ed558ccdULL;
  return mixed ^ mixed >> 29;
}

std::int64_t bytes_held(const StateGroup& group) {
  return sizeof(StateGroup) + group.done.size() * 8 + group.live.size() * 36 +
         group.ready.size() * 4 + group.states() * (group.words * 16 + 28);
}

}  // namespace pliant::plan
