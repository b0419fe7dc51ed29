// Where the client may pack an operand as the plan likes best: layouts that suit a product, and
// labels that stand partly in slots, partly over ciphertexts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/plan/problem.h"

namespace pliant::einsum {

// A tensor's layout, as a node names it, for a product in the joint layout `cube`; `view` has its
// axes, each label once. If that takes no more than `most` ciphertexts: as it is multiplied, with
// copies over the labels that it lacks. Otherwise, labels that the cube has over ciphertexts move
// into the slots of those that the tensor lacks. nullopt where that takes more, too, and for cubes
// whose labels share bits of the address.
std::optional<SlotLayout> packed_for(const SlotLayout& cube, const SlotLayout& view,
                                     std::int64_t most);

// The problem of a single product of more slots than a ciphertext has, with labels parted in two,
// so that the inner ones fill a ciphertext exactly and the others lie over ciphertexts
// (Contraction::outside): every way to do so that no order of the whole labels is. Shapes are
// parted alike: elements keep their order. None for other problems.
std::vector<EinsumProblem> tilings(const EinsumProblem& problem, std::int64_t slots);

}  // namespace pliant::einsum
