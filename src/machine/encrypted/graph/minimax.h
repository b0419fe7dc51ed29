// The polynomial that differs least from given values.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace pliant::encrypted {

struct ValueAt {
  double t, value;
};

// By Remez's exchange (1934) in its barycentric form (Pachon and Trefethen 2009), among at least
// degree + 2 samples of t in [-1, 1], ascending. Close to the best where the exchange ends early;
// whoever uses it measures it. The result is a function on [-1, 1].
std::function<double(double)> minimax(std::span<const ValueAt> samples, int degree);

}  // namespace pliant::encrypted
