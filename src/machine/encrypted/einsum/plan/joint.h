// Several nodes that multiply one encrypted tensor by tensors in the clear, as one linear transform
// of several results: the tensor is raised once, and its baby rotations serve all.
#pragma once

#include <span>
#include <vector>

#include "machine/encrypted/einsum/plan/recipe.h"

namespace pliant::einsum {

// Recipes of such nodes, by the tensor's layout as each node names it and the layouts of their
// results: with each result in ciphertexts of its own, and, where the tensor leaves room for copies
// of itself, with several in one ciphertext, which have their giant rotations in common; a result
// that does not begin at slot 0 is turned there, and what lies beside it stays. None where the
// maps' steps differ. `apart`: only the first way.
std::vector<std::vector<Recipe>> joint_recipes(const std::vector<SlotLayout>& views,
                                               const std::vector<SlotLayout>& results, bool apart);

// The results of nodes of which the first one's recipe says how many there are.
std::vector<PlacedTensor> emit_joint(std::span<const Contraction> nodes,
                                     std::span<const Recipe> recipes, const PlacedTensor& operand,
                                     ProgramBuilder& builder);

}  // namespace pliant::einsum
