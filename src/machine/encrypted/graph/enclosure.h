// What functions can be over intervals: interval arithmetic, so that nothing between two points is
// missed.
#pragma once

#include <span>

#include "graph/kinds/expr.h"
#include "machine/encrypted/graph/ranges.h"

namespace pliant::encrypted {

// Contains what evaluate() gives for all operands in their intervals; infinite where `fn` has a
// pole, is beyond a double or may be no number within them. Exact but for the library's rounding.
Interval enclosure(Fn fn, std::span<const Interval> operands);

// Of an expression of one operand: the hull over `pieces` of its interval, each by interval
// arithmetic. Operands that occur several times count as different ones within a piece, so that it
// is too wide by about the slope times the width of one.
Interval enclosure(const Expr& function, const Interval& operand, int pieces = 512);

}  // namespace pliant::encrypted
