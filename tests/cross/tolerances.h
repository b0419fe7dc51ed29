// How far a machine's result may be from the oracle's: one table per machine and kind.
//
// An error is measured in units of the spread (standard deviation) of the oracle's tensor. A sum of
// L terms in f32 is off by about 2^-24 sqrt(L) of its own spread, and the worst of many elements by
// a few times that; hence `fixed`, for storing and for the functions of a kind, plus `growth` times
// the root of the reduction length.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace pliant::cross {

struct Tolerance {
  std::string_view machine, kind;
  double fixed, growth;  // 0 and 0: bit for bit
};

inline constexpr Tolerance tolerances[] = {
    {"decomposed", "einsum", 0, 0},       {"decomposed", "map", 0, 0},
    {"decomposed", "reduce", 0, 0},       {"decomposed", "softmax", 2e-6, 0},
    {"decomposed", "normalize", 2e-5, 0}, {"decomposed", "rotary", 1e-6, 0},
    {"decomposed", "attention", 2e-6, 0}, {"decomposed", "convolve", 0, 0},
    {"decomposed", "pool", 1e-6, 0},      {"decomposed", "cross_entropy", 2e-6, 0},

    {"native", "einsum", 1e-6, 4e-7},     {"native", "map", 2e-5, 0},
    {"native", "reduce", 2e-6, 4e-7},     {"native", "softmax", 5e-6, 4e-7},
    {"native", "normalize", 2e-5, 4e-7},  {"native", "rotary", 2e-5, 0},
    {"native", "attention", 1e-5, 4e-7},  {"native", "convolve", 1e-6, 4e-7},
    {"native", "pool", 1e-6, 4e-7},       {"native", "cross_entropy", 5e-6, 4e-7},

    {"torch", "einsum", 1e-6, 4e-7},      {"torch", "map", 2e-5, 0},
    {"torch", "reduce", 2e-6, 4e-7},      {"torch", "softmax", 5e-6, 4e-7},
    {"torch", "normalize", 2e-5, 4e-7},   {"torch", "rotary", 2e-5, 0},
    {"torch", "attention", 1e-5, 4e-7},   {"torch", "convolve", 1e-6, 4e-7},
    {"torch", "pool", 1e-6, 4e-7},        {"torch", "cross_entropy", 5e-6, 4e-7},
};

// Terms in the longest sum behind one element of the result.
inline std::int64_t reduction_length(const Graph& graph, const Op& op) {
  const auto shape = [&](std::size_t operand) -> const Shape& {
    return graph.value(op.in[operand]).type.shape;
  };
  const auto along = [&](std::size_t operand, const kind::Axes& axes) {
    std::int64_t length = 1;
    for (const int axis : axes) length *= shape(operand)[axis];
    return length;
  };
  return std::visit(
      Overloaded{[&](const kind::Einsum& kind) {
                   std::int64_t length = 1;
                   std::string seen = kind.out;
                   for (std::size_t i = 0; i < kind.in.size(); ++i)
                     for (std::size_t axis = 0; axis < kind.in[i].size(); ++axis) {
                       if (seen.find(kind.in[i][axis]) == std::string::npos)
                         length *= shape(i)[axis];
                       seen += kind.in[i][axis];
                     }
                   return length;
                 },
                 [&](const kind::Reduce& kind) { return along(0, kind.axes); },
                 [&](const kind::Softmax& kind) { return along(0, {kind.axis}); },
                 [&](const kind::Normalize& kind) { return along(0, kind.axes); },
                 [&](const kind::Attention&) { return shape(0)[0] + shape(0)[2]; },
                 [&](const kind::Convolve& kind) {
                   const std::int64_t all = elements(shape(1)),
                                      outs = kind.transposed ? shape(1)[1] : shape(1)[0];
                   return outs == 0 ? 0 : all / outs / (kind.transposed ? kind.groups : 1);
                 },
                 [&](const kind::Pool& kind) { return elements(kind.size); },
                 [&](const kind::CrossEntropy&) { return shape(1)[0] + shape(1)[1]; },
                 [](const auto&) { return std::int64_t{1}; }},
      op.kind);
}

// Kinds that only move data have no row: they are exact.
inline double tolerance(std::string_view machine, const Graph& graph, const Op& op) {
  for (const Tolerance& row : tolerances)
    if (row.machine == machine && row.kind == name(op.kind))
      return row.fixed + row.growth * std::sqrt(static_cast<double>(reduction_length(graph, op)));
  return 0;
}

// The unit of errors: the standard deviation, or a tenth of the largest magnitude if that is more,
// since storing rounds by magnitude; for (nearly) constant tensors their magnitude, at least 1.
inline double spread(const TensorView& view) {
  const std::int64_t count = elements(view.type.shape);
  double sum = 0, squares = 0, most = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = get(view, i);
    if (!std::isfinite(value)) continue;
    sum += value / static_cast<double>(count);
    most = std::max(most, std::abs(value));
  }
  for (std::int64_t i = 0; i < count; ++i)
    if (const double value = get(view, i); std::isfinite(value))
      squares += (value - sum) * (value - sum) / static_cast<double>(count);
  return squares > 1e-6 * most * most ? std::max(std::sqrt(squares), most / 10)
                                      : std::max(most, 1.0);
}

// The largest |got - wanted| in units of spread(wanted). Infinite and NaN elements must be the
// same. Integers may be one apart where floats were rounded to them: `tolerance` > 0.
inline ::testing::AssertionResult agrees(const TensorView& got, const TensorView& wanted,
                                         double tolerance) {
  if (got.type != wanted.type)
    return ::testing::AssertionFailure()
           << to_string(got.type) << " instead of " << to_string(wanted.type);
  const bool whole = !is_float(wanted.type.dtype);
  const double allowed = whole ? (tolerance > 0 ? 1 : 0) : tolerance * spread(wanted);
  for (std::int64_t i = 0; i < elements(wanted.type.shape); ++i) {
    const double a = get(got, i), b = get(wanted, i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(std::abs(a - b) <= allowed))
      return ::testing::AssertionFailure()
             << "element " << i << " of " << to_string(wanted.type) << " is " << a << " instead of "
             << b << ": off by " << std::abs(a - b) / spread(wanted) << " of the spread, allowed "
             << tolerance;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace pliant::cross
