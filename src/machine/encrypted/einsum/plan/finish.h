// What all planners begin and end with.
#pragma once

#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::einsum {

// Of an encrypted input, as the client packs it: row-major unless given; of others nothing.
Layout input_layout(const Problem& problem, std::size_t input, std::int64_t slots);
// The encrypted inputs in a new program; of others nothing.
std::vector<Placed> begin(const Problem& problem, Builder& builder);
Builder new_builder(const Problem& problem, const PlanOptions& options);

// Levels, bounds and outputs.
Plan finish(const Problem& problem, Builder& builder, const std::vector<Placed>& outputs,
            const PlanOptions& options);

}  // namespace pliant::einsum
