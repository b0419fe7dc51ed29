// The algorithm of EinHops (arXiv 2507.07972), as its published code runs it: the baseline.
#pragma once

#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::einsum {

// All operands of a stage come into one layout, reduced labels (as they first appear) outside the
// output's: by diagonals, whose babies and giants are the remainders and quotients by the root of
// the slots, wherever the strides differ; then by copies over the labels they lack. A balanced tree
// of products, sums by halving, and a mask in the end. Row-major after every stage.
// Throws Error{unsupported} for a label that one operand repeats, where the published code gives a
// wrong answer, and for operands of given layouts; Error{capacity} where all labels do not fit one
// ciphertext.
Plan plan_einhops(const EinsumProblem& problem, const PlanOptions& options);

}  // namespace pliant::einsum
