// One operand, encrypted and as a file.
#pragma once

#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/parties/tensor_file.h"

namespace pliant::einsum {

// With the key that `engine` encrypts with. Throws Error{usage} for an operand that is not
// encrypted, Error{invalid} for another shape or an element beyond the bound.
std::vector<std::byte> operand_file(const Plan& plan, Engine& engine, std::size_t operand,
                                    const TensorView& tensor, const ckks::Authentication& purpose);

}  // namespace pliant::einsum
