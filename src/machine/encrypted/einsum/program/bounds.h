// What each slot of each ciphertext can hold at most.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// Calls visit(value, bound of |slot| for each of its slots) in the order of the steps; zero where a
// slot is known to be zero. `inputs` as assign_magnitudes() takes them.
void each_slot_bound(const Program& program, const std::vector<SlotLayout>& inputs,
                     const std::function<void(CipherId, std::span<const double>)>& visit);

}  // namespace pliant::einsum
