// The input lines that a window of two axes meets along a band of output lines, brought near once:
// filled at the borders, and split into phases where the window moves by more than one, so that
// every tap of every output line is a contiguous run at a fixed distance.
#pragma once

#include <vector>

#include "machine/native/kernels/kernels.h"
#include "machine/native/windows/tap_rows.h"

namespace pliant::native {

class Band {
 public:
  static constexpr std::int64_t room = 8192;  // floats of one plane that fit the first cache
  static constexpr std::int64_t beyond = 32;  // floats written and read beyond the last plane

  // lines: of outputs at a time; at most as many as there are and as `room` holds.
  Band(const Spatial& s, Isa isa, std::int64_t lines = room);

  static bool fits(const Spatial& s);
  std::int64_t lines() const { return lines_; }
  // floats from one output line to the next
  std::int64_t step() const { return step_; }
  std::int64_t plane() const { return phases_ * rows(lines_) * step_; }  // floats of one plane
  // Tap t of output j of the band's line l is at [l * step() + offsets()[t] + j].
  const std::vector<std::int64_t>& offsets() const { return offsets_; }

  // What output lines [first, first + lines) meet in the plane x, `filling` outside of it. Of
  // several planes the lower address comes first: up to `beyond` floats behind a plane are
  // overwritten.
  void bring(const float* x, std::int64_t first, std::int64_t lines, float filling,
             float* to) const;

 private:
  // input lines of one phase
  std::int64_t rows(std::int64_t lines) const { return lines + reach_; }

  const TapKernels* kernels_;
  TapRows taps_;
  std::int64_t height_, width_, outputs_, low_, phases_, reach_, step_, lines_ = 1;
  // floats before a line, so that what it takes from the input starts at a whole vector
  std::int64_t lead_ = 0;
  std::vector<LinePart> parts_;  // by phase of a line
  std::vector<std::int64_t> offsets_;
};

}  // namespace pliant::native
