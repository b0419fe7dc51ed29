// A plan: a program, what its inputs and outputs look like, and why it was chosen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "machine/encrypted/einsum/layout/layout.h"
#include "machine/encrypted/einsum/program/disturbance.h"
#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

struct PlannedInput {
  Shape shape;
  bool secret = false;
  SlotLayout layout;  // of a secret one
  // An axis whose first half is in the real parts of the slots, where `layout` has it, and the
  // second in the imaginary parts; -1: all slots are real.
  int halved = -1;
};
struct PlannedOutput {
  Shape shape;
  SlotLayout layout;
  std::vector<CipherId> ciphertexts;  // of ciphertexts(layout), in order
  int halved = -1;                    // as of an input
  // Of its worst element; empty where they took too much work. Absent until assign_gains().
  std::optional<std::vector<ErrorGain>> gains = {};
};

struct Plan {
  std::string expression = {};
  Program program = {};
  std::vector<PlannedInput> inputs = {};
  std::vector<PlannedOutput> outputs = {};
  int last_level = 0;  // of the outputs
  bool exact = false;  // proved to be the cheapest of all layouts that the planner considers
  std::vector<std::string> reasons = {};  // one line a decision, what was rejected with its cost

  int levels() const;  // that the parameter set must have
};

// Everything for a reader: inputs, steps with their layouts, outputs, counts, keys, reasons.
std::string explain(const Plan& plan);

}  // namespace pliant::einsum
