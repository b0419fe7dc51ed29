// Result types of an operator from its operands' types: the one place that says what is
// well-formed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "graph/kinds/kinds.h"

namespace pliant {

inline constexpr std::size_t max_rank = 16;  // of every value

// Throws Error{invalid} naming `place` (scope and operator) with the offending axis or size.
// `results` is the number of results wanted: Normalize gives 1 or 3; all other kinds have one
// answer and ignore it.
std::vector<TensorType> result_types(const Kind& kind, std::span<const TensorType> operands,
                                     std::string_view place, int results = 1);

Shape broadcast(const Shape& a, const Shape& b, std::string_view place);  // numpy's rule

// Output size of one windowed axis; <= 0 when the window does not fit.
std::int64_t window_count(std::int64_t size, std::int64_t low, std::int64_t high,
                          std::int64_t window, std::int64_t stride, std::int64_t dilation);

}  // namespace pliant
