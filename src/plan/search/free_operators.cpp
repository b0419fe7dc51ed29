#include "plan/search/free_operators.h"

#include <algorithm>

namespace pliant::plan {
namespace {

// What the operator adds to the live set and what it removes, from a downset.
struct Exchange {
  OperatorId op = -1;
  Bitset inputs;
  std::vector<std::size_t> freed;  // live positions
  std::int64_t step_space = 0;
  std::int64_t added_space = 0, added_bytes = 0, added_price = 0;
  std::int64_t freed_space = 0, freed_bytes = 0;  // of the smallest freed tensor
};

bool last_use(const ScheduleModel& model, std::int32_t tensor, OperatorId op, const Bitset& done) {
  const auto& consumers = model.tracked[tensor].consumers;
  return std::all_of(consumers.begin(), consumers.end(),
                     [&](OperatorId c) { return c == op || has(done, c); });
}

Exchange make_exchange(const ScheduleModel& model, const StateGroup& group, OperatorId op) {
  const ModelOperator& o = model.operators[op];
  Exchange exchange{op, Bitset(group.words, 0), {}, o.need, 0, 0, 0, INT64_MAX, INT64_MAX};
  const auto add = [&](const Tracked& tensor) {
    exchange.added_space += tensor.space;
    exchange.added_bytes += tensor.bytes;
    exchange.added_price += leave_price(tensor, !tensor.born_clean);
  };
  for (const std::int32_t t : o.inputs) {
    const std::int32_t at = position(group.live, t);
    const Tracked& tensor = model.tracked[t];
    if (at >= 0) put(exchange.inputs, at);
    if (!last_use(model, t, op, group.done)) {
      if (at < 0) add(tensor);
      continue;
    }
    if (at < 0) continue;
    exchange.freed.push_back(at);
    exchange.freed_space = std::min(exchange.freed_space, tensor.space);
    exchange.freed_bytes = std::min(exchange.freed_bytes, tensor.bytes);
  }
  for (const std::int32_t t : o.outputs)
    if (!model.tracked[t].consumers.empty()) add(model.tracked[t]);
  return exchange;
}

bool may_run_now(const ScheduleModel& model, const StateGroup& group, const Exchange& exchange,
                 std::size_t s) {
  const std::uint64_t *resident = group.resident(s), *dirty = group.dirty(s);
  for (std::size_t w = 0; w < group.words; ++w)
    if ((exchange.inputs[w] & ~resident[w]) != 0) return false;
  std::int64_t others = 0, price = 0;
  for (std::size_t w = 0; w < group.words; ++w)
    each_bit(resident[w] & ~exchange.inputs[w], w * 64,
             [&](std::size_t i) { others += group.space[i]; });
  if (others + exchange.step_space > model.capacity) return false;
  for (const std::size_t i : exchange.freed) price += leave_price(group, dirty, i);
  return exchange.added_price <= price;
}

bool can_be_free(const Exchange& exchange) {
  if (exchange.added_bytes == 0) return true;
  return !exchange.freed.empty() && exchange.added_space <= exchange.freed_space &&
         exchange.added_bytes <= exchange.freed_bytes;
}

}  // namespace

bool must_wait(const Expansion& expansion, const Bitset& done, OperatorId op) {
  const std::vector<ModelOperator>& operators = expansion.model->operators;
  if (!expansion.rules.waiting || !operators[op].waits) return false;
  const auto hindered = [&](OperatorId consumer) {
    const auto& before = operators[consumer].before;
    return std::any_of(before.begin(), before.end(),
                       [&](OperatorId b) { return !operators[b].waits && !has(done, b); });
  };
  return std::all_of(operators[op].after.begin(), operators[op].after.end(), hindered);
}

void find_forced(const Expansion& expansion, StateGroup& group) {
  group.forced.assign(group.states(), -1);
  if (!expansion.rules.free_operators) return;
  for (const OperatorId op : group.ready) {
    if (must_wait(expansion, group.done, op)) continue;
    const Exchange exchange = make_exchange(*expansion.model, group, op);
    if (!can_be_free(exchange)) continue;
    for (std::size_t s = 0; s < group.states(); ++s)
      if (group.forced[s] < 0 && may_run_now(*expansion.model, group, exchange, s))
        group.forced[s] = op;
  }
}

}  // namespace pliant::plan
