// What values can be: intervals stated by the caller, observed in the clear, or implied.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant::encrypted {

struct Interval {
  double low = -1, high = 1;

  double magnitude() const;  // of the largest |element|
  double width() const { return high - low; }
  bool operator==(const Interval&) const = default;
};
Interval hull(const Interval& a, const Interval& b);
Interval operator+(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, const Interval& b);

// By the name of the graph's value, composite operators decomposed. What is stated of an encrypted
// value is a promise: nobody can check it while it is encrypted. What is stated of a plain one is
// checked before it is used.
using Ranges = std::map<std::string, Interval>;

// By the name of an Einsum's result: the largest sum of |coefficients| that elements of its one
// encrypted operand are multiplied by, in any element of the result. What weights do to a range and
// to an error, where their shapes alone would say far more.
using Gains = std::map<std::string, double>;

// The least and greatest element of every value over `samples` (each the inputs of one run, as
// evaluate() takes them), widened on both sides by `margin` times its half width, weights and
// constants as they are. Throws what evaluate() does, Error{invalid} naming a value that is not
// finite.
Ranges observe_ranges(const Graph& graph, const WeightStore& weights,
                      std::span<const std::vector<TensorView>> samples, double margin,
                      ThreadPool& pool);

}  // namespace pliant::encrypted
