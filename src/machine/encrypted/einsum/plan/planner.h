// From expressions and shapes to a plan.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/moves/cost.h"
#include "machine/encrypted/einsum/plan/problem.h"
#include "machine/encrypted/einsum/program/compose.h"
#include "machine/encrypted/einsum/program/plan.h"
#include "machine/encrypted/einsum/program/times.h"

namespace pliant::einsum {

enum class Planner : std::uint8_t {
  layouts,  // layouts chosen over the whole chain, alignment only where they clash
  einhops   // the published algorithm (arXiv 2507.07972), one stage at a time: the baseline
};

struct PlanOptions {
  std::int64_t slots = 16384;  // of a ciphertext
  Planner planner = Planner::layouts;
  bool canonical = false;  // outputs row-major from slot 0; otherwise wherever they fall
  bool clean = false;      // nothing but the outputs in their ciphertexts
  // Encrypted inputs of no given layout are packed as suits the plan, in no more ciphertexts than
  // row-major; otherwise row-major.
  bool free_inputs = false;
  // Two halves of the encrypted input are the real and imaginary parts of slots, where no product
  // mixes them: there is one such input, all products are with what is in the clear, and an axis of
  // even size goes through to every result. Elsewhere it changes nothing.
  bool complex_slots = false;
  bool apart = false;  // every result of a joint linear transform in ciphertexts of its own
  Rotations rotations = Rotations::any;  // fewer keys, more rotations
  int levels = -1;  // that the parameter set has; -1: as many as the plan needs
  int scale_bits = 40, first_bits = 50;  // of the parameter set (docs/encrypted.md)
  std::int64_t most_ciphertexts = 1024;  // of one tensor or product
  int width = 16;                        // partial plans of a chain that are kept
  // Of the exact search, which chains of up to six expressions get (plan/exact.h): as many recipes
  // may be worked out, or 16 times as many estimated; 0: none. A count and no time, for client and
  // server must come to the same plan.
  std::int64_t exact_effort = 2048;
  std::function<void()> watch = {};  // called now and then; it may throw, which ends the planning
  CostTable costs = {};
  // Of the back end that will run the plan, where they are known: of the cheapest few plans by
  // `costs`, the quickest by these. Must outlive the call.
  Times* times = nullptr;
};

// One einsum. Throws what read_problem() throws; Error{capacity} naming sizes and limit where a
// product needs too many ciphertexts, or where the plan needs more levels than there are;
// Error{unsupported} for what the baseline cannot do.
Plan plan(const std::string& expression, std::span<const EinsumOperand> operands,
          const PlanOptions& options = {});
// Several, planned together: between them every layout is free. The outputs are the results that no
// stage uses.
Plan plan(std::span<const Stage> stages, std::span<const EinsumOperand> operands,
          const PlanOptions& options = {});

// The plan and what was rejected for it, quickest first (by `costs` where no times are known): at
// most `most`, with layouts that differ. Of the baseline there is one.
std::vector<Plan> alternatives(std::span<const Stage> stages,
                               std::span<const EinsumOperand> operands,
                               const PlanOptions& options = {}, int most = 4);

}  // namespace pliant::einsum
