// The joint layouts that are tried for a node.
#pragma once

#include <vector>

#include "machine/encrypted/einsum/plan/problem.h"

namespace pliant::einsum {

// Every order of the labels, packed; every operand's own layout with the labels that it lacks in
// the gaps or above it. Without those of more than `most` ciphertexts. Where labels are to lie
// outside, every order of the others.
std::vector<SlotLayout> cubes(const Contraction& node, const std::vector<SlotLayout>& views,
                              std::int64_t slots, std::int64_t most);

}  // namespace pliant::einsum
