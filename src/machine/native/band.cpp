#include "machine/native/band.h"

#include <algorithm>

namespace pliant::native {

namespace {

constexpr std::int64_t beyond = 16;  // the last vector of a line reads so far

std::int64_t reach(const Spatial& s) { return (s.kernel[1] - 1) * s.dilation[1] / s.stride[1] + 1; }

}  // namespace

// One output line needs reach + 1 lines of every phase.
bool Band::fits(const Spatial& s) {
  return !s.transposed && s.in[0] == 1 && s.out[0] == 1 && s.kernel[0] == 1 && s.low[0] == 0 &&
         s.stride[1] * (1 + reach(s)) * TapRows(s).floats(s.out[2]) + beyond <= room;
}

Band::Band(const Spatial& s, Isa isa)
    : taps_(s),
      split_(tap_kernels(isa).split),
      height_(s.in[1]),
      width_(s.in[2]),
      outputs_(s.out[2]),
      low_(s.low[1]),
      phases_(s.stride[1]),
      reach_(reach(s)),
      step_(taps_.floats(s.out[2])) {
  if (!fits(s)) return;
  lines_ = std::min((room - beyond) / (phases_ * step_) - reach_, s.out[1]);
  for (std::int64_t ky = 0; ky < s.kernel[1]; ++ky)
    for (std::int64_t kx = 0; kx < s.kernel[2]; ++kx) {
      const std::int64_t y = ky * s.dilation[1];
      offsets_.push_back((y % phases_ * rows(lines_) + y / phases_) * step_ + taps_.offset(kx, outputs_));
    }
}

void Band::bring(const float* x, std::int64_t first, std::int64_t lines, float filling, float* to) const {
  for (std::int64_t phase = 0; phase < phases_; ++phase)
    for (std::int64_t row = 0; row < rows(lines); ++row) {
      const std::int64_t y = (first + row) * phases_ + phase - low_;
      float* line = to + (phase * rows(lines_) + row) * step_;
      if (y < 0 || y >= height_) std::fill_n(line, step_, filling);
      else taps_.bring(x + y * width_, 0, outputs_, filling, line, split_);
    }
}

}  // namespace pliant::native
