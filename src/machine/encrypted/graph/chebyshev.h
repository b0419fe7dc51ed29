// Polynomials in place of functions, and their evaluation on ciphertexts.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/graph/ranges.h"

namespace pliant::encrypted {

// The sum of coefficient k times T_k(t), where t = (2 x - low - high) / (high - low).
struct Chebyshev {
  Interval interval;
  std::vector<double> coefficients;
  double error = 0;      // of the function on the interval: the largest measured, and a tenth
  double slope = 0;      // of the function, likewise
  Interval values = {};  // of the polynomial there

  int degree() const { return static_cast<int>(coefficients.size()) - 1; }
};

struct RealFunction {
  std::function<double(double)> at;
  std::function<Interval(const Interval&)> over;  // contains all values there
};

// The polynomial of the least degree whose error is at most `error`: the interpolation at
// Chebyshev's nodes or, where that is not enough, the best one (minimax.h). Measured on a fine grid
// that is refined where the function may leave what is seen of it, as at a narrow spike. Throws
// Error{invalid} for an interval or function that is not finite, Error{unsupported} naming degree
// and error where `most` degrees are too few.
Chebyshev interpolate(const RealFunction& function, const Interval& interval, double error,
                      int most, std::string_view place);

// Slots of one ciphertext that hold elements; all others are zero, before and after.
using Cells = std::vector<einsum::Plain::Cell>;

// By baby steps and giant steps (Paterson and Stockmeyer 1973, in Chebyshev's basis): depth
// ceil(log2(degree + 1)) + 1. No element of t is beyond [-1, 1].
einsum::CipherId evaluate(const Chebyshev& polynomial, einsum::CipherId t, const Cells& cells,
                          einsum::ProgramBuilder& builder);

}  // namespace pliant::encrypted
