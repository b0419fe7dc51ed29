// What all planners begin and end with.
#pragma once

#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::einsum {

// Of an encrypted input, as the client packs it: row-major unless given; of others nothing.
SlotLayout input_layout(const EinsumProblem& problem, std::size_t input, std::int64_t slots);
// The encrypted inputs in a new program; of others nothing.
std::vector<PlacedTensor> begin(const EinsumProblem& problem, ProgramBuilder& builder);
ProgramBuilder new_builder(const EinsumProblem& problem, const PlanOptions& options);

// Levels, bounds and outputs.
Plan finish(const EinsumProblem& problem, ProgramBuilder& builder,
            const std::vector<PlacedTensor>& outputs, const PlanOptions& options);

}  // namespace pliant::einsum
