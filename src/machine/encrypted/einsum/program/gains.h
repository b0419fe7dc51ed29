// How much of every operation's error is left in the outputs: known from the program alone.
#pragma once

#include <cstdint>

#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

// Fills PlannedOutput::gains. From each element of an output its error is followed backwards
// through the steps, slot by slot, by the slots' bounds and by what plaintexts let through: paths
// to one slot of one event add, all else is uncorrelated (docs/encrypted.md). An output that takes
// more than `work` slots to follow gets none.
// decrypt() does it for itself where the plan has none; who decrypts often does it once.
void assign_gains(Plan& plan, std::int64_t work = std::int64_t{1} << 26);

}  // namespace pliant::einsum
