// Values that are computed alike: equal ciphertexts, with equal errors.
#pragma once

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// Of each value the first one that takes the same steps from the same inputs; signs do not count.
ById<CipherId, CipherId> same_values(const Program& program);

}  // namespace pliant::einsum
