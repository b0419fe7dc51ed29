// Overflow-checked 64-bit arithmetic for sizes that come from outside.
#pragma once

#include <cstdint>
#include <string_view>

namespace pliant {

// Throw Error{invalid} naming `place` when the result does not fit.
std::int64_t checked_add(std::int64_t a, std::int64_t b, std::string_view place);
std::int64_t checked_multiply(std::int64_t a, std::int64_t b, std::string_view place);

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t multiple) {
  return ceil_div(a, multiple) * multiple;
}

}  // namespace pliant
