// Where the client may pack an operand as the plan likes best: layouts that suit a product, and
// labels that stand partly in slots, partly over ciphertexts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/plan/problem.h"
#include "machine/encrypted/einsum/program/plan.h"

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

// An axis of the only encrypted input that goes through products with what is in the clear alone to
// every result.
struct Halving {
  std::size_t input = 0;
  std::map<int, int> axes;  // of the input and every result, by value
};
// The one of largest even size.
std::optional<Halving> halving(const EinsumProblem& problem);
// Of tensors with half of that axis, in slots whose absolute values are bounded.
EinsumProblem halved(EinsumProblem problem, const Halving& by);
// The plan of the halved problem as one of the whole.
void mark_halves(Plan& plan, const EinsumProblem& problem, const Halving& by);

}  // namespace pliant::einsum
