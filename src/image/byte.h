// Of a channel's value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace pliant {

// Rounded, and what lies outside cut off.
inline std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

}  // namespace pliant
