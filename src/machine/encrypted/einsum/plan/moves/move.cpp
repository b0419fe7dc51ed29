#include "machine/encrypted/einsum/plan/moves/move.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <set>
#include <tuple>

namespace pliant::einsum {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

std::int64_t position(const Progression& run, const Index& index) {
  std::int64_t t = 0;
  for (const auto& [label, weight] : run.weights) t += weight * index.at(label);
  return run.period == 0 ? t : t - floor_div(t, run.period) * run.period;
}

std::int64_t babies_of(const Progression& run, std::int64_t baby) {
  return baby == 0 ? run.count() : std::min(baby, run.count());
}
std::int64_t giants_of(const Progression& run, std::int64_t baby) {
  return baby == 0 ? 1 : floor_div(run.last, baby) - floor_div(run.first, baby) + 1;
}

// Joins progressions of which one continues the other: their distances are one progression.
std::vector<Progression> joined(std::vector<Progression> runs) {
  std::sort(runs.begin(), runs.end(),
            [](const Progression& a, const Progression& b) { return a.step < b.step; });
  std::vector<Progression> result;
  for (const Progression& run : runs) {
    const auto host = std::find_if(result.begin(), result.end(), [&](const Progression& into) {
      return run.step % into.step == 0 && run.step / into.step <= into.count();
    });
    if (host == result.end()) {
      result.push_back(run);
      continue;
    }
    const std::int64_t times = run.step / host->step;
    host->first += times * run.first;
    host->last += times * run.last;
    for (const auto& [label, weight] : run.weights)
      host->weights.emplace_back(label, weight * times);
  }
  return result;
}

}  // namespace

void each_index(const std::vector<LabelAxis>& axes,
                const std::function<void(const Index&, std::int64_t)>& visit) {
  std::int64_t count = 1;
  Index index;
  for (const LabelAxis& axis : axes) count *= axis.size, index[axis.label] = 0;
  for (std::int64_t number = 0; number < count; ++number) {
    visit(index, number);
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      if (++index[axis->label] < axis->size) break;
      index[axis->label] = 0;
    }
  }
}

std::vector<LabelAxis> joined_axes(const SlotLayout& from, const SlotLayout& to) {
  std::vector<LabelAxis> result = from.axes;
  for (const LabelAxis& axis : to.axes)
    if (std::ranges::find(result, axis.label, &LabelAxis::label) == result.end())
      result.push_back(axis);
  return result;
}

bool is_regular(const SlotLayout& layout) {
  std::uint64_t taken = 0;
  for (const LabelAxis& axis : layout.axes) {
    if (axis.size == 1) continue;
    const auto stride = static_cast<std::uint64_t>(axis.stride);
    if (!std::has_single_bit(stride)) return false;
    const std::uint64_t bits = (static_cast<std::uint64_t>(padded(axis.size)) - 1)
                               << std::countr_zero(stride);
    if (taken & bits) return false;
    taken |= bits;
  }
  return true;
}

bool stays_in_slots(const LabelAxis& axis, const SlotLayout& layout) {
  return axis.stride * padded(axis.size) <= layout.slots &&
         std::ranges::find(layout.axes, axis) != layout.axes.end();
}

std::int64_t address(const SlotLayout& layout, const Index& index) {
  std::int64_t at = 0;
  for (const LabelAxis& axis : layout.axes) at += index.at(axis.label) * axis.stride;
  return at;
}

std::int64_t shift_sum_cost(std::int64_t count) {
  const auto bits = static_cast<std::uint64_t>(count);
  return std::bit_width(bits) + std::popcount(bits) - 2;
}

std::vector<Progression> progressions(const SlotLayout& from, const SlotLayout& to) {
  std::map<char, LabelAxis> distances;  // label, size, distance
  for (const LabelAxis& axis : from.axes) distances[axis.label] = axis;
  for (const LabelAxis& axis : to.axes) {
    LabelAxis& distance =
        distances.try_emplace(axis.label, LabelAxis{axis.label, axis.size, 0}).first->second;
    distance.stride -= axis.stride;
  }
  std::vector<Progression> runs;
  for (const auto& [label, axis] : distances) {
    if (axis.size == 1 || axis.stride == 0) continue;
    const std::int64_t last = axis.size - 1;
    if (axis.stride > 0) runs.push_back({axis.stride, 0, last, {{label, 1}}});
    else runs.push_back({-axis.stride, -last, 0, {{label, -1}}});
  }
  runs = joined(std::move(runs));
  for (Progression& run : runs) {
    if (from.slots % run.step != 0 || run.count() <= from.slots / run.step) continue;
    run.period = from.slots / run.step;
    run.first = 0;
    run.last = run.period - 1;
  }
  return runs;
}

std::int64_t Split::baby(const Index& index) const {
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::int64_t t = position(runs[i], index);
    steps += runs[i].step * (babies[i] == 0 ? t : t - floor_div(t, babies[i]) * babies[i]);
  }
  return steps;
}

std::int64_t Split::giant(const Index& index) const {
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (babies[i] != 0)
      steps += runs[i].step * babies[i] * floor_div(position(runs[i], index), babies[i]);
  return steps;
}

std::int64_t Split::stride() const {
  std::int64_t result = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (giants_of(runs[i], babies[i]) == 1) continue;
    if (result != 0) return 0;
    result = runs[i].step * babies[i];
  }
  return result;
}

Cost cost(const Split& split) {
  std::int64_t babies = 1, giants = 1, diagonals = 1;
  for (std::size_t i = 0; i < split.runs.size(); ++i) {
    babies *= babies_of(split.runs[i], split.babies[i]);
    giants *= giants_of(split.runs[i], split.babies[i]);
    diagonals *= split.runs[i].count();
  }
  return {.rotations = babies + giants - 2,
          .hoisted = babies - 1,
          .diagonals = diagonals,
          .additions = diagonals - 1,
          .levels = 1};
}

bool in_one_ciphertext(const SlotLayout& layout) {
  return ciphertexts(layout) == std::vector<std::int64_t>{0};
}

namespace {

// The axes of both but those that make no difference to ciphertexts and distances: of equal strides
// in slots of their own.
std::vector<LabelAxis> counted_axes(const SlotLayout& from, const SlotLayout& to) {
  std::vector<LabelAxis> axes = joined_axes(from, to);
  if (!is_regular(from) || !is_regular(to)) return axes;
  for (LabelAxis& axis : axes)
    if (stays_in_slots(axis, from) && stays_in_slots(axis, to)) axis.size = 1;
  return axes;
}

}  // namespace

// Where ciphertexts are several: babies by source, giants by destination.
Cost cost(const Split& split, const SlotLayout& from, const SlotLayout& to) {
  if (in_one_ciphertext(from) && in_one_ciphertext(to)) return cost(split);
  std::set<std::pair<std::int64_t, std::int64_t>> babies, giants;
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>> diagonals;
  const auto turn = [&](std::int64_t steps) {
    return ((steps % from.slots) + from.slots) % from.slots;
  };
  each_index(counted_axes(from, to), [&](const Index& index, std::int64_t) {
    const std::int64_t baby = turn(split.baby(index)), giant = turn(split.giant(index));
    const std::int64_t source = address(from, index) / from.slots,
                       target = address(to, index) / to.slots;
    if (baby != 0) babies.emplace(source, baby);
    if (giant != 0) giants.emplace(target, giant);
    diagonals.emplace(target, giant, source, baby);
  });
  const auto count = [](const auto& set) { return static_cast<std::int64_t>(set.size()); };
  return {.rotations = count(babies) + count(giants),
          .hoisted = count(babies),
          .diagonals = count(diagonals),
          .additions = count(diagonals),
          .levels = 1};
}

// One progression is split; of the others each goes to the babies or to the giants as a whole.
Split best_split(std::vector<Progression> runs, std::int64_t results) {
  Split best{runs, std::vector<std::int64_t>(runs.size(), 0)}, trial = best;
  const auto rank = [results](const Split& split) {
    const Cost c = cost(split);
    const std::int64_t giants = results * (c.rotations - c.hoisted);
    return std::pair(c.hoisted + giants, giants);
  };
  for (std::size_t split = 0; split < runs.size(); ++split)
    for (unsigned whole = 0; whole < 1u << runs.size(); ++whole) {
      for (std::size_t i = 0; i < runs.size(); ++i) trial.babies[i] = whole >> i & 1;
      for (std::int64_t b = 1; b <= runs[split].count(); ++b) {
        trial.babies[split] = b;
        if (rank(trial) < rank(best)) best = trial;
      }
    }
  return best;
}

bool same_steps(const std::vector<Progression>& a, const std::vector<Progression>& b) {
  return std::ranges::equal(a, b, {}, &Progression::step, &Progression::step);
}

std::vector<Split> joint_splits(const std::vector<std::vector<Progression>>& runs,
                                std::int64_t results) {
  std::vector<Progression> all = runs[0];
  for (const std::vector<Progression>& map : runs)
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].first = std::min(all[i].first, map[i].first);
      all[i].last = std::max(all[i].last, map[i].last);
    }
  const Split best = best_split(std::move(all), results);
  std::vector<Split> splits;
  for (const std::vector<Progression>& map : runs) splits.push_back({map, best.babies});
  return splits;
}

namespace {

using Support = std::vector<std::int32_t>;  // how many terms a slot has that may not be zero

Support indicator(const SlotLayout& layout) {
  Support result(layout.slots, 0);
  for (const std::int64_t at : addresses(layout)) result[at] = 1;
  return result;
}

Support shifted(const Support& x, std::int64_t step) {
  Support result(x.size());
  const auto n = static_cast<std::int64_t>(x.size());
  std::rotate_copy(x.begin(), x.begin() + ((step % n) + n) % n, x.end(), result.begin());
  return result;
}

Support plus(Support a, const Support& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

Support fanned(const Support& x, const Progression& stage) {
  return shift_sum(shifted(x, stage.step * stage.first), stage.count(), stage.step, shifted, plus);
}

bool lone(const Support& support, const SlotLayout& at) {  // one term at each element
  return std::ranges::all_of(addresses(at), [&](std::int64_t i) { return support[i] == 1; });
}

// Where the elements are when the labels of `stage` have moved.
SlotLayout after_stage(SlotLayout layout, const Progression& stage, const SlotLayout& to) {
  for (const auto& [label, weight] : stage.weights)
    for (std::size_t i = 0; i < layout.axes.size(); ++i)
      if (layout.axes[i].label == label) layout.axes[i].stride = to.axes[i].stride;
  return layout;
}

// A progression that ends at no distance, walked from there.
Progression reversed(Progression run) {
  if (run.last != 0) return run;
  run.step = -run.step;
  run.last = -run.first;
  run.first = 0;
  return run;
}

// Doubling reaches powers of two: a few distances more cost fewer rotations, where they add
// nothing.
Progression rounded(Progression stage) {
  stage.last = stage.first + padded(stage.count()) - 1;
  return stage;
}

class FanSearch {
 public:
  FanSearch(const SlotLayout& from, const SlotLayout& to, bool clean)
      : from_(from), to_(to), clean_(clean) {}

  bool find(const std::vector<Progression>& order, LayoutMove& move) {
    move = {.way = Way::fan, .from = from_, .to = to_};
    bool mask = !from_.clean || !from_.copies.empty();
    SlotLayout at = from_;
    at.copies.clear();
    Support support = indicator(at);
    for (const Progression& run : order) {
      const SlotLayout next = after_stage(at, run, to_);
      if (!in_one_ciphertext(next)) return false;
      if (!extend(move, run, next, mask, support)) {
        if (mask || support == indicator(at)) return false;  // a mask would not help
        support = indicator(at);
        if (!extend(move, run, next, mask = true, support)) return false;
      }
      mask = false;
      at = next;
    }
    move.masks.push_back(clean_);
    add_cost(move);
    return true;
  }

 private:
  bool extend(LayoutMove& move, const Progression& run, const SlotLayout& next, bool mask,
              Support& support) {
    for (const Progression& stage : {rounded(reversed(run)), reversed(run)}) {
      Support after = fanned(support, stage);
      if (!lone(after, next)) continue;
      support = std::move(after);
      move.stages.push_back(stage);
      move.masks.push_back(mask);
      return true;
    }
    return false;
  }

  static void add_cost(LayoutMove& move) {
    for (const Progression& stage : move.stages) {
      const std::int64_t turns = shift_sum_cost(stage.count());
      move.cost.rotations += turns + (stage.first != 0);
      move.cost.additions += turns;
    }
    for (const bool mask : move.masks) {
      move.cost.plain_products += mask;
      move.cost.levels += mask;
    }
  }

  const SlotLayout &from_, &to_;
  bool clean_;
};

// Whether every ciphertext of `from` becomes one of `to` with all its slots where they are.
bool renames(const SlotLayout& from, const SlotLayout& to) {
  if (!from.copies.empty()) return false;
  std::map<std::int64_t, std::int64_t> forward, back;
  const std::vector<std::int64_t> source = addresses(from), target = addresses(to);
  for (std::size_t e = 0; e < source.size(); ++e) {
    if (source[e] % from.slots != target[e] % from.slots) return false;
    const std::int64_t a = source[e] / from.slots, b = target[e] / from.slots;
    if (forward.try_emplace(a, b).first->second != b || back.try_emplace(b, a).first->second != a)
      return false;
  }
  return true;
}

std::vector<LayoutMove> fans(const SlotLayout& from, const SlotLayout& to, bool clean) {
  std::vector<LayoutMove> result;
  if (!in_one_ciphertext(from) || !in_one_ciphertext(to)) return result;
  std::vector<Progression> order = progressions(from, to);
  std::vector<std::size_t> rank(order.size());
  for (std::size_t i = 0; i < rank.size(); ++i) rank[i] = i;
  do {
    std::vector<Progression> ordered;
    for (const std::size_t i : rank) ordered.push_back(order[i]);
    LayoutMove move;
    if (FanSearch(from, to, clean).find(ordered, move)) result.push_back(std::move(move));
  } while (order.size() <= 3 && std::next_permutation(rank.begin(), rank.end()));
  return result;
}

LayoutMove transform(const SlotLayout& from, const SlotLayout& to) {
  LayoutMove move{
      .way = Way::transform, .from = from, .to = to, .split = best_split(progressions(from, to))};
  move.cost = cost(move.split, from, to);
  return move;
}

}  // namespace

std::vector<LayoutMove> moves(const SlotLayout& from, const SlotLayout& to, bool clean,
                              const CostTable& table) {
  std::vector<LayoutMove> result;
  const bool tidy = from.clean && from.copies.empty();
  if (renames(from, to)) {
    LayoutMove stay{.way = Way::stay, .from = from, .to = to};
    if (clean && !tidy) {
      stay.masks = {true};
      stay.cost = static_cast<std::int64_t>(ciphertexts(from).size()) * Cost{.plain_products = 1};
      stay.cost.levels = 1;
    }
    return {stay};
  }
  result = fans(from, to, clean);
  result.push_back(transform(from, to));
  std::stable_sort(result.begin(), result.end(), [&](const LayoutMove& a, const LayoutMove& b) {
    return a.cost.weight(table) < b.cost.weight(table);
  });
  return result;
}

}  // namespace pliant::einsum
