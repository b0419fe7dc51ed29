// A bound for networks whose branches interleave. Take any plan and look at some of its operators
// alone: their tensors come and go as before, so what is left is a plan of the problem of these
// operators alone, and it costs what leaving costs their tensors. If every operator is in one such
// problem and every tensor is charged in one of them only, the problems' optima add up to a lower
// bound. Nothing is asked of the operators; good choices have narrow cuts inside.
#pragma once

#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

// Per operator: whether it is in the first half, some operator with all its ancestors. Of all such
// halves, the one that leaves the most operators that each other one of their half precedes or
// follows, the most even among equals. Empty when none leaves more of these than the whole has.
std::vector<bool> find_partition(const Problem& problem);

// The problem of the operators for which `in` is `which`. A tensor of both halves is charged in the
// one that uses it more (the first among equals); in the other, each of its uses is a tensor of its
// own, which comes and goes free.
Problem side_of(const Problem& problem, const std::vector<bool>& in, bool which);

}  // namespace pliant::plan
