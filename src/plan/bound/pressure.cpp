#include "plan/bound/pressure.h"

#include <algorithm>
#include <numeric>

namespace pliant::plan {
namespace {

struct Closure {  // [operator][operator]: strictly before
  std::size_t words = 0;
  Bitset bits;
  bool before(OperatorId a, OperatorId b) const { return has(&bits[b * words], a); }
};

// Operators stand in topological order.
Closure ancestors(const ScheduleModel& model) {
  const std::size_t n = model.operators.size();
  Closure closure{words_for(n), {}};
  closure.bits.assign(n * closure.words, 0);
  for (std::size_t op = 0; op < n; ++op) {
    std::uint64_t* mine = &closure.bits[op * closure.words];
    for (const OperatorId before : model.operators[op].before) {
      const std::uint64_t* theirs = &closure.bits[before * closure.words];
      for (std::size_t w = 0; w < closure.words; ++w) mine[w] |= theirs[w];
      put(mine, before);
    }
  }
  return closure;
}

bool uses(const ScheduleModel& model, OperatorId op, std::int32_t tensor) {
  const auto& o = model.operators[op];
  return std::binary_search(o.inputs.begin(), o.inputs.end(), tensor) ||
         std::binary_search(o.outputs.begin(), o.outputs.end(), tensor);
}

bool alive_before(const Tracked& tensor, OperatorId op, const Closure& closure) {
  if (tensor.producer >= 0) return closure.before(tensor.producer, op);
  return std::any_of(tensor.consumers.begin(), tensor.consumers.end(),
                     [&](OperatorId c) { return closure.before(c, op); });
}

bool alive_after(const Tracked& tensor, OperatorId op, const Closure& closure) {
  return std::any_of(tensor.consumers.begin(), tensor.consumers.end(),
                     [&](OperatorId c) { return closure.before(op, c); });
}

}  // namespace

Pressure make_pressure(const ScheduleModel& model) {
  Pressure pressure;
  const Closure closure = ancestors(model);
  const std::size_t tensors = model.tracked.size(), words = words_for(tensors);
  pressure.adds.resize(tensors);
  std::vector<std::int32_t> later;
  for (std::size_t i = 0; i < model.operators.size(); ++i) {
    const OperatorId op = i;
    Pressure::Suspect suspect{op, model.operators[i].need - model.capacity, {}, 0, 0};
    std::int64_t possible = suspect.excess;
    later.clear();
    for (std::size_t t = 0; t < tensors; ++t) {
      const Tracked& tensor = model.tracked[t];
      if (!alive_after(tensor, op, closure) || uses(model, op, t)) continue;
      if (tensor.producer >= 0 && closure.before(op, tensor.producer)) continue;
      possible += tensor.bytes;
      if (!alive_before(tensor, op, closure)) {
        later.push_back(t);
        continue;
      }
      suspect.excess += tensor.bytes;
      suspect.always.push_back(t);
      suspect.unit = std::gcd(suspect.unit, tensor.bytes);
      if (tensor.born_clean) suspect.clean_bytes += tensor.bytes;
    }
    if (possible <= 0) continue;
    for (const std::int32_t t : later) pressure.adds[t].push_back(pressure.suspects.size());
    pressure.suspects.push_back(std::move(suspect));
  }
  pressure.always.assign(pressure.suspects.size() * words, 0);
  for (std::size_t s = 0; s < pressure.suspects.size(); ++s)
    for (const std::int32_t t : pressure.suspects[s].always) put(&pressure.always[s * words], t);
  return pressure;
}

namespace {

Critical describe(const ScheduleModel& model, const Pressure& pressure, std::size_t s,
                  std::int64_t need, const std::vector<std::int32_t>& live) {
  const std::size_t words = words_for(model.tracked.size());
  Critical critical{need, pressure.suspects[s].clean_bytes, pressure.suspects[s].unit,
                    Bitset(std::max<std::size_t>(1, words_for(live.size())), 0)};
  for (std::size_t i = 0; i < live.size(); ++i) {
    const std::int32_t t = live[i];
    const bool always = has(&pressure.always[s * words], t);
    // it is here already
    if (always && model.tracked[t].born_clean) critical.future_clean -= model.tracked[t].bytes;
    const auto& adds = pressure.adds[t];
    if (always || std::binary_search(adds.begin(), adds.end(), static_cast<std::int32_t>(s))) {
      put(critical.alive, i);
      critical.unit = std::gcd(critical.unit, model.tracked[t].bytes);
    }
  }
  return critical;
}

}  // namespace

std::vector<Critical> find_critical(const ScheduleModel& model, const Pressure& pressure,
                                    const Bitset& done, const std::vector<std::int32_t>& live) {
  if (pressure.suspects.empty()) return {};
  std::vector<std::int64_t> need(pressure.suspects.size());
  for (std::size_t s = 0; s < need.size(); ++s) need[s] = pressure.suspects[s].excess;
  for (const std::int32_t t : live)
    for (const std::int32_t s : pressure.adds[t]) need[s] += model.tracked[t].bytes;
  std::vector<std::size_t> order;
  for (std::size_t s = 0; s < need.size(); ++s)
    if (need[s] > 0 && !has(done, pressure.suspects[s].op)) order.push_back(s);
  const std::size_t kept = std::min<std::size_t>(order.size(), 4);
  std::partial_sort(
      order.begin(), order.begin() + kept, order.end(),
      [&](std::size_t a, std::size_t b) { return need[a] != need[b] ? need[a] > need[b] : a < b; });
  std::vector<Critical> result;
  for (std::size_t i = 0; i < kept; ++i)
    result.push_back(describe(model, pressure, order[i], need[order[i]], live));
  return result;
}

}  // namespace pliant::plan
