#include "plan/bound/partition.h"

#include <algorithm>
#include <array>

#include "plan/bound/bits.h"
#include "plan/bound/precedence.h"
#include "plan/format/in_place.h"

namespace pliant::plan {
namespace {

// few gain nothing, many take too long
constexpr std::size_t least_operators = 8, most_operators = 4096;

struct Order {  // [operator]: strictly before, strictly after
  std::vector<Bitset> ancestors, descendants;
};

Order order_of(const Problem& problem) {
  Order order{find_ancestors(problem), {}};
  order.descendants.assign(order.ancestors.size(), Bitset(words_for(order.ancestors.size()), 0));
  for (std::size_t op = 0; op < order.ancestors.size(); ++op)
    for (std::size_t w = 0; w < order.ancestors[op].size(); ++w)
      each_bit(order.ancestors[op][w], w * 64,
               [&](std::size_t before) { put(order.descendants[before], op); });
  return order;
}

std::size_t size_of(const Bitset& set) {
  std::size_t size = 0;
  for (const std::uint64_t word : set) size += std::popcount(word);
  return size;
}

// Operators of the set that all others of it precede or follow.
std::size_t count_cuts(const Order& order, const Bitset& set) {
  const std::size_t size = size_of(set);
  std::size_t cuts = 0;
  for (std::size_t w = 0; w < set.size(); ++w)
    each_bit(set[w], w * 64, [&](std::size_t op) {
      std::size_t related = 1;
      for (std::size_t i = 0; i < set.size(); ++i)
        related += std::popcount(set[i] & (order.ancestors[op][i] | order.descendants[op][i]));
      if (related == size) ++cuts;
    });
  return cuts;
}

}  // namespace

std::vector<bool> find_partition(const Problem& problem) {
  const std::size_t count = problem.operators.size();
  if (count < least_operators || count > most_operators) return {};
  const Order order = order_of(problem);
  Bitset all(words_for(count), 0);
  for (std::size_t op = 0; op < count; ++op) put(all, op);
  // the last operators of both halves may be cuts in any case
  std::size_t most = count_cuts(order, all) + 2;
  std::size_t balance = 0;
  Bitset best;
  for (std::size_t op = 0; op + 1 < count; ++op) {
    Bitset first = order.ancestors[op], second = all;
    put(first, op);
    for (std::size_t w = 0; w < first.size(); ++w) second[w] &= ~first[w];
    const std::size_t cuts = count_cuts(order, first) + count_cuts(order, second);
    const std::size_t smaller = std::min(size_of(first), size_of(second));
    if (cuts < most || (cuts == most && smaller <= balance)) continue;
    most = cuts;
    balance = smaller;
    best = std::move(first);
  }
  std::vector<bool> in;
  for (std::size_t op = 0; op < count && !best.empty(); ++op) in.push_back(has(best, op));
  return in;
}

namespace {

class Halver {
 public:
  Halver(const Problem& problem, const std::vector<bool>& in, bool which)
      : problem_(problem),
        in_(in),
        which_(which),
        uses_(problem.tensors.size(), {0, 0}),
        local_(uses_.size(), -1) {
    for (std::size_t op = 0; op < in.size(); ++op)
      for (const auto* list : {&problem.operators[op].inputs, &problem.operators[op].outputs})
        for (const TensorId t : *list) ++uses_[t][in[op] ? 0 : 1];
  }

  Problem run() {
    for (std::size_t op = 0; op < in_.size(); ++op) {
      if (in_[op] != which_) continue;
      const Operator& each = problem_.operators[op];
      Operator made{each.name, {}, {}, each.workspace};
      for (const TensorId t : each.outputs) made.outputs.push_back(tensor_of(t, true));
      for (const TensorId t : each.inputs) made.inputs.push_back(tensor_of(t, false));
      for (const InPlace& pair : each.in_place)
        made.in_place.push_back({made.outputs[position(each.outputs, pair.output)],
                                 made.inputs[position(each.inputs, pair.input)]});
      half_.operators.push_back(std::move(made));
    }
    while (has_in_place(half_) && free_shared_input()) {
    }
    return std::move(half_);
  }

 private:
  static std::size_t position(const std::vector<TensorId>& list, TensorId t) {
    return static_cast<std::size_t>(std::find(list.begin(), list.end(), t) - list.begin());
  }

  // An operator elsewhere may be what makes a reader of the input an ancestor. Then the operator
  // reads the input no more, for it takes as many bytes less as if it wrote over it. False when
  // there is no such operator.
  bool free_shared_input() {
    LastUses uses(half_);
    for (OperatorId id = 0; id < std::ssize(half_.operators); ++id) {
      Operator& op = half_.operators[id];
      const auto needed = [&](const InPlace& pair) { return !uses.is_last(pair.input, id); };
      const auto pair = std::find_if(op.in_place.begin(), op.in_place.end(), needed);
      if (pair == op.in_place.end()) continue;
      std::erase(op.inputs, pair->input);
      op.in_place.erase(pair);
      return true;
    }
    return false;
  }

  bool charged_here(TensorId t) const { return (uses_[t][0] >= uses_[t][1]) == which_; }

  TensorId tensor_of(TensorId t, bool made) {
    if (charged_here(t) && local_[t] >= 0) return local_[t];
    TensorInfo info = problem_.tensors[t];
    if (!charged_here(t)) info.name += "#" + std::to_string(half_.tensors.size());
    const bool given = info.role == Role::input || info.role == Role::weight;
    if (!made && !given) info.role = Role::input;  // of the other half
    const TensorId id = half_.tensors.size();
    half_.tensors.push_back(std::move(info));
    if (charged_here(t)) local_[t] = id;
    return id;
  }

  const Problem& problem_;
  const std::vector<bool>& in_;
  bool which_;
  std::vector<std::array<std::int32_t, 2>> uses_;  // in the first half, in the second
  std::vector<TensorId> local_;                    // of tensors charged here; -1: not seen
  Problem half_;
};

}  // namespace

Problem side_of(const Problem& problem, const std::vector<bool>& in, bool which) {
  return Halver(problem, in, which).run();
}

}  // namespace pliant::plan
