// Linear maps given element by element, as one level of diagonals.
#pragma once

#include <vector>

#include "machine/encrypted/graph/value.h"

namespace pliant::encrypted {

// The element `target` of the result gets `factor` times the element `coefficient` of a tensor in
// the clear (or times 1) times its source.
struct LinearTerm {
  Source source;
  std::int64_t target = 0, coefficient = 0;
};
struct LinearMap {
  std::vector<LinearTerm> terms;  // without those whose source is zero
  einsum::ClearId coefficients = einsum::ClearId::none;
  double factor = 1;
};

// Distances between slots, split into baby steps (remainders by `babies`) and giant steps.
struct Diagonals {
  std::int64_t babies = 1;
  double weight = 0;  // what it costs (einsum::CostTable)
};
Diagonals diagonals(const LinearMap& map, const std::vector<einsum::PlacedTensor>& bases,
                    const einsum::SlotLayout& to, const einsum::CostTable& table);

// Into the layout `to`; clean. An element that no term reaches is zero.
einsum::PlacedTensor apply(const LinearMap& map, const std::vector<einsum::PlacedTensor>& bases,
                           const einsum::SlotLayout& to, const Diagonals& split,
                           einsum::ProgramBuilder& builder);

}  // namespace pliant::encrypted
