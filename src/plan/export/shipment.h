// A plan as firmware runs it: per step the copies before its operator, the addresses of its
// operands and the copies after it; and where what leaves the scratchpad lies off chip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct Copy {
  bool load = true;  // from off-chip memory to the scratchpad; else the other way
  TensorId tensor = 0;
  std::int64_t address = 0;  // in the scratchpad
};

struct Move {  // within the scratchpad; the two ranges may overlap
  TensorId tensor = 0;
  std::int64_t from = 0, to = 0;  // addresses
};

struct ShippedStep {
  OperatorId op = 0;
  std::vector<Move> moves = {};               // before everything else, in the plan's order
  std::vector<Copy> before, after;            // of tensors that have bytes, in the plan's order
  std::vector<std::int64_t> inputs, outputs;  // addresses, in the order of the problem's operator
  std::int64_t workspace = -1;                // address; -1 where the operator has none
};

struct Shipment {
  std::vector<ShippedStep> steps;
  std::vector<Copy> pinned;  // weights that stay: loaded once, before the first frame
  // per tensor: offset of a spilled activation in the spill region; else -1
  std::vector<std::int64_t> spill;
  // of that region; tensors whose copies are needed at different times share it
  std::int64_t spill_bytes = 0;
};

// Offsets are multiples of the plan's alignment. Throws Error{invalid} for a plan of another
// problem, or one that lacks an operand; beyond that the plan is trusted (plan/checker).
Shipment ship(const Problem& problem, const Plan& plan);

}  // namespace pliant::plan
