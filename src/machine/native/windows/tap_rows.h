// The input rows that a window meets along one line of outputs, brought to the stack so that every
// tap of the window is a contiguous run: filled at both ends, and split into phases where the
// window moves by more than one.
#pragma once

#include <cstdint>
#include <optional>

#include "machine/native/windows/spatial.h"

namespace pliant::native {

// floats that a pooling window may bring at a time
inline constexpr std::int64_t pool_room = 16384;

class TapRows {
 public:
  explicit TapRows(const Spatial& s)
      : step_(s.stride[2]),
        low_(s.low[2]),
        width_(s.in[2]),
        reach_((s.kernel[2] - 1) * s.dilation[2] / step_ + 1),
        dilation_(s.dilation[2]) {}

  // Floats that a row needs for n outputs.
  std::int64_t floats(std::int64_t n) const { return step_ * (n + reach_); }

  // Brings what outputs [first, first + n) of a line meet in `row`, `filling` where that is
  // outside.
  void bring(const float* row, std::int64_t first, std::int64_t n, float filling, float* to) const;

  // Tap t of output first + j is at [j].
  const float* tap(const float* brought, std::int64_t t, std::int64_t n) const {
    return brought + offset(t, n);
  }
  std::int64_t offset(std::int64_t t, std::int64_t n) const {
    const std::int64_t at = t * dilation_;
    return at % step_ * (n + reach_) + at / step_;
  }

  // The part of `brought` (of phase 0 when the stride is 1) that holds input elements, not filling.
  struct Part {
    std::int64_t first, last;
  };
  Part inside(std::int64_t phase, std::int64_t first, std::int64_t n) const;
  std::int64_t phases() const { return step_; }
  std::int64_t length(std::int64_t n) const { return n + reach_; }  // of one phase

 private:
  std::int64_t step_, low_, width_, reach_, dilation_;
};

}  // namespace pliant::native
