// How a tensor comes from one layout into another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "machine/encrypted/einsum/layout/layout.h"
#include "machine/encrypted/einsum/plan/moves/cost.h"

namespace pliant::einsum {

using Index = std::map<char, std::int64_t>;  // of each label
// Calls visit(index, number) for each index of the axes, in row-major order.
void each_index(const std::vector<LabelAxis>& axes,
                const std::function<void(const Index&, std::int64_t)>& visit);
// The axes of both, every label once; the strides are those of the first that has it.
std::vector<LabelAxis> joined_axes(const SlotLayout& from, const SlotLayout& to);
// Every label has bits of the address to itself.
bool is_regular(const SlotLayout& layout);
// Of a regular layout: whether it has this axis, within a ciphertext.
bool stays_in_slots(const LabelAxis& axis, const SlotLayout& layout);
std::int64_t address(const SlotLayout& layout, const Index& index);  // without rolls and period
bool in_one_ciphertext(const SlotLayout& layout);                    // number 0

// The element at an index moves by `step` * t addresses (to lower ones where that is positive), t
// being the sum of weight * index over the labels, and takes every value from `first` to `last`.
// Labels whose distances have a common step share one progression.
struct Progression {
  std::int64_t step = 1, first = 0, last = 0;
  std::vector<std::pair<char, std::int64_t>> weights;
  // Where it goes round the slots: t is taken modulo this, the same rotations.
  std::int64_t period = 0;

  std::int64_t count() const { return last - first + 1; }
};
// Of moving each label from its stride in `from` to that in `to`; a label that one of them lacks
// has stride 0 there. Labels are distinct within a layout.
std::vector<Progression> progressions(const SlotLayout& from, const SlotLayout& to);

// Baby-step giant-step along progressions: of progression i, t is split into babies[i] * q + r, q
// goes to the giant step and r to the baby step; 0 leaves all of t to the baby step.
struct Split {
  std::vector<Progression> runs;
  std::vector<std::int64_t> babies;

  std::int64_t baby(const Index& index) const;
  std::int64_t giant(const Index& index) const;
  std::int64_t stride() const;  // of all giant steps, where one progression has them; otherwise 0
};
// The split with the fewest rotations in one ciphertext; of those, the one with fewest giant steps.
// `results` of the same source share the babies.
Split best_split(std::vector<Progression> runs, std::int64_t results = 1);
// Whether several maps of one source take steps of the same lengths, so that they can have babies
// in common.
bool same_steps(const std::vector<Progression>& a, const std::vector<Progression>& b);
// Of each of several such maps, whose results are in so many ciphertexts.
std::vector<Split> joint_splits(const std::vector<std::vector<Progression>>& runs,
                                std::int64_t results);
Cost cost(const Split& split);  // in one ciphertext
Cost cost(const Split& split, const SlotLayout& from, const SlotLayout& to);

enum class Way : std::uint8_t {
  stay,       // ciphertexts keep their slots, perhaps under other numbers
  transform,  // a linear transform by diagonals; everything else in its result is zero
  // Sums of shifts by doubling along each progression: all of a progression's distances at once.
  // Right where only the wanted shift meets a non-zero slot at each destination: log2 as many
  // rotations as there are distances, and a mask where the rest must be zero.
  fan
};

struct LayoutMove {
  Way way = Way::stay;
  SlotLayout from = {}, to = {};
  Split split = {};                      // of a transform
  std::vector<Progression> stages = {};  // of a fan, in this order; steps may be negative
  std::vector<bool> masks = {};          // before each stage, and after the last
  Cost cost = {};
};

// Every way that leads from one layout to the other, cheapest first. `clean`: nothing but the
// tensor may be left in the result.
std::vector<LayoutMove> moves(const SlotLayout& from, const SlotLayout& to, bool clean,
                              const CostTable& table);

// sum over t in [0, count) of turn(x, t * step), by doubling: floor(log2 count) + popcount - 1
// turns and as many sums.
template <typename Value, typename Turn, typename Plus>
Value shift_sum(const Value& x, std::int64_t count, std::int64_t step, const Turn& turn,
                const Plus& plus) {
  if (count == 1) return x;
  const std::int64_t half = count / 2;
  const Value part = shift_sum(x, half, step, turn, plus);
  const Value even = plus(part, turn(part, half * step));
  return count % 2 == 0 ? even : plus(x, turn(even, step));
}
std::int64_t shift_sum_cost(std::int64_t count);

}  // namespace pliant::einsum
