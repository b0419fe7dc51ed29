// What the slots of every ciphertext hold, worked out from the program itself: to draw plans, and
// to see that they are right.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

// The indices of one label that a slot's terms have: all from `low` to `high`, as far as is known;
// -1 where they have none.
struct LabelRange {
  std::int32_t low = -1, high = -1;
  bool operator==(const LabelRange&) const = default;
};

enum class SlotKind : std::uint8_t {
  zero,
  term,  // an element, or a product of elements whose labels agree, or a sum of such
  // of no use: elements outside a diagonal that is asked for, products of elements that do not
  // belong together
  mixed
};

// One ciphertext.
struct SlotContents {
  std::vector<SlotKind> kinds;                  // of each slot
  std::vector<std::vector<LabelRange>> ranges;  // by label, then slot

  bool same(std::size_t a, std::size_t b) const;  // two slots that hold the same
};

struct LabelSize {
  char label = '\0';
  std::int64_t size = 1;
  bool kept = false;  // an output has it; all others are summed
};
// The labels of a plan's encrypted inputs and tensors in the clear, as they first appear; without
// those of size 1.
std::vector<LabelSize> label_sizes(const Plan& plan);

// Calls visit(ciphertext, contents by label_sizes()) for every ciphertext, in the order of the
// steps; only what later steps read is kept. For plans of one expression: stages of a chain use
// labels of their own.
void each_contents(const Plan& plan,
                   const std::function<void(CipherId, const SlotContents&)>& visit);

// Whether a slot holds what no output is made of: what is mixed, and sums over a label that is
// kept.
bool is_useless(const SlotContents& contents, const std::vector<LabelSize>& labels,
                std::size_t slot);
// "i0k3", "." for zero, "?" for what is mixed; labels that are summed as they should be are left
// out, sums of others are "i0-3".
std::string slot_text(const SlotContents& contents, const std::vector<LabelSize>& labels,
                      std::size_t slot);

}  // namespace pliant::einsum
