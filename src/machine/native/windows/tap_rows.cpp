#include "machine/native/windows/tap_rows.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"

namespace pliant::native {

TapRows::Part TapRows::inside(std::int64_t phase, std::int64_t first, std::int64_t n) const {
  // element j is input (first + j) * step - low + phase
  const std::int64_t start = first * step_ - low_ + phase;
  const std::int64_t begin = start >= 0 ? 0 : ceil_div(-start, step_);
  const std::int64_t end = start >= width_ ? 0 : ceil_div(width_ - start, step_);
  const std::int64_t from = std::min(begin, length(n));
  return {from, std::clamp(end, from, length(n))};
}

void TapRows::bring(const float* row, std::int64_t first, std::int64_t n, float filling,
                    float* to) const {
  for (std::int64_t phase = 0; phase < step_; ++phase, to += length(n)) {
    const Part part = inside(phase, first, n);
    std::fill(to, to + part.first, filling);
    std::fill(to + part.last, to + length(n), filling);
    if (part.first == part.last) continue;
    const float* from = row + (first + part.first) * step_ - low_ + phase;
    if (step_ == 1) std::memcpy(to + part.first, from, (part.last - part.first) * sizeof(float));
    else
      for (std::int64_t j = part.first; j < part.last; ++j, from += step_) to[j] = *from;
  }
}

}  // namespace pliant::native
