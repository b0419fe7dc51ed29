// One layer of the joint search: every downset of k executed operators that is still worth keeping,
// each with the residency states its live tensors may be in. The next layer is built target by
// target from the downsets one operator smaller, so that targets are independent of each other and
// the result does not depend on threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "plan/bound/bits.h"
#include "plan/bound/cut.h"
#include "plan/bound/model.h"
#include "plan/bound/pressure.h"
#include "plan/search/limits.h"
#include "plan/search/rules.h"

namespace pliant::plan {

// A minimum cut at a pending operator. It is one for larger downsets too while they execute only
// what it executes; after that it is stale: a lower bound still, since larger downsets leave less
// choice.
struct OperatorCut {
  OperatorId op = 0;
  bool stale = false;
  std::shared_ptr<const Cut> cut;
};

// A live tensor is resident or absent; a resident one is dirty while it has no off-chip copy. What
// an absent tensor costs, including its way back, is in `cost` already.
struct StateGroup {
  Bitset done;  // executed operators
  // tracked tensors made or loaded before and used later, ascending
  std::vector<std::int32_t> live;
  std::vector<std::int64_t> bytes;                    // of live
  std::vector<std::int64_t> space;                    // of live
  std::vector<std::int64_t> load_price, store_price;  // of live
  std::vector<OperatorId> ready;                      // ascending
  std::vector<OperatorCut> operator_cuts;
  std::vector<Critical> critical;
  Costs costs;
  std::size_t words = 1;             // of one mask over live
  std::uint32_t first = 0;           // number of its first state in the layer
  std::vector<std::uint64_t> masks;  // per state: resident words, then dirty words
  std::vector<std::int64_t> cost;
  std::vector<std::int64_t> ahead;    // lower bound on what is still to pay
  std::vector<std::uint32_t> parent;  // number of a state of the layer before
  std::vector<OperatorId> by;         // the operator that led here
  std::vector<OperatorId> forced;     // an operator that may as well run now; -1: none

  std::size_t states() const { return cost.size(); }
  const std::uint64_t* resident(std::size_t state) const { return &masks[state * 2 * words]; }
  const std::uint64_t* dirty(std::size_t state) const { return &masks[(state * 2 + 1) * words]; }
};

struct Expansion {
  const ScheduleModel* model = nullptr;
  const Pressure* pressure = nullptr;
  const CutFinder* cuts = nullptr;
  Rules rules;
  // another value breaks ties between equal states another way
  std::uint64_t variety = 0;
  // states whose cost + bound reaches it are left out
  std::int64_t threshold = 0;
  std::function<bool()> interrupted;                // polled while enumerating
  std::size_t most_evictions = SIZE_MAX;            // sets tried per state and operator
  std::atomic<bool>* shortened = nullptr;           // set when that left some out
  std::atomic<std::int64_t>* held_bytes = nullptr;  // of states, before and after filtering
  Budget* budget = nullptr;                         // spent by sets tried and states compared
};

// A mixed number for tie-breaking; 0 when variety is 0, so that numbering decides.
std::uint64_t scramble(std::uint64_t variety, std::uint64_t a, std::uint64_t b);

// Of a live tensor of the group, with its way back.
inline std::int64_t leave_price(const StateGroup& group, const std::uint64_t* dirty,
                                std::size_t live) {
  return group.load_price[live] + (has(dirty, live) ? group.store_price[live] : 0);
}

// In an ascending list; -1: it is not there.
inline std::int32_t position(const std::vector<std::int32_t>& sorted, std::int32_t value) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), value);
  return at != sorted.end() && *at == value ? at - sorted.begin() : -1;
}

struct Edge {
  std::uint32_t from = 0;  // group in the layer before
  OperatorId op = 0;
};

StateGroup first_group(const Expansion& expansion);

// Fills live, ready and critical of a target whose done set is given, from one downset that leads
// to it.
void describe_group(const Expansion& expansion, const StateGroup& before, OperatorId op,
                    StateGroup& target);

// What must still be paid whatever the order. masks: resident words, then dirty words.
std::int64_t bound_ahead(const StateGroup& group, const std::uint64_t* masks);

// Fills `target` from all edges that lead to it: same done set for each.
void build_group(const Expansion& expansion, const std::vector<StateGroup>& before,
                 const std::vector<Edge>& edges, StateGroup& target);

std::int64_t bytes_held(const StateGroup& group);  // memory the group takes

}  // namespace pliant::plan
