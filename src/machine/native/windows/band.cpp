#include "machine/native/windows/band.h"

#include <algorithm>

#include "core/checked.h"

namespace pliant::native {

namespace {

constexpr std::int64_t vector = 16;

// Floats of a line; those of one phase have room to start where it suits.
std::int64_t pitch(const Spatial& s) {
  const std::int64_t floats = TapRows(s).floats(s.out[2]);
  return s.stride[2] == 1 ? round_up(floats, vector) + vector : floats;
}

std::int64_t reach(const Spatial& s) { return (s.kernel[1] - 1) * s.dilation[1] / s.stride[1] + 1; }

}  // namespace

// One output line needs reach + 1 lines of every phase.
bool Band::fits(const Spatial& s) {
  return !s.transposed && s.in[0] == 1 && s.out[0] == 1 && s.kernel[0] == 1 && s.low[0] == 0 &&
         s.stride[1] * (1 + reach(s)) * pitch(s) <= room;
}

Band::Band(const Spatial& s, Isa isa, std::int64_t lines)
    : kernels_(&tap_kernels(isa)),
      taps_(s),
      height_(s.in[1]),
      width_(s.in[2]),
      outputs_(s.out[2]),
      low_(s.low[1]),
      phases_(s.stride[1]),
      reach_(reach(s)),
      step_(pitch(s)) {
  if (!fits(s)) return;
  lines_ = std::min({room / (phases_ * step_) - reach_, s.out[1], lines});
  for (std::int64_t phase = 0; phase < taps_.phases(); ++phase) {
    const TapRows::Part part = taps_.inside(phase, 0, outputs_);
    parts_.push_back({part.first, part.last, phase - s.low[2]});
  }
  if (parts_.size() == 1) lead_ = round_up(parts_[0].first, vector) - parts_[0].first;
  for (std::int64_t ky = 0; ky < s.kernel[1]; ++ky)
    for (std::int64_t kx = 0; kx < s.kernel[2]; ++kx) {
      const std::int64_t y = ky * s.dilation[1];
      offsets_.push_back((y % phases_ * rows(lines_) + y / phases_) * step_ + lead_ +
                         taps_.offset(kx, outputs_));
    }
}

void Band::bring(const float* x, std::int64_t first, std::int64_t lines, float filling,
                 float* to) const {
  for (std::int64_t phase = 0; phase < phases_; ++phase)
    kernels_->bring({.x = x,
                     .height = height_,
                     .width = width_,
                     .top = first * phases_ + phase - low_,
                     .every = phases_,
                     .lines = rows(lines),
                     .parts = parts_.data(),
                     .phases = taps_.phases(),
                     .pitch = step_,
                     .length = taps_.length(outputs_),
                     .filling = filling,
                     .to = to + phase * rows(lines_) * step_ + lead_});
}

}  // namespace pliant::native
