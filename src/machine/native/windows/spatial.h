// Windows over up to three spatial axes: which input elements a tap of the window meets along a run
// of outputs.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "graph/kinds/kinds.h"

namespace pliant::native {

inline constexpr std::size_t most_spatial = 3;

struct Spatial {
  // depth, height, width; leading ones for fewer axes
  using Triple = std::array<std::int64_t, most_spatial>;
  Triple in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, low{0, 0, 0},
      dilation{1, 1, 1};
  bool transposed = false;

  std::int64_t inputs() const { return in[0] * in[1] * in[2]; }
  std::int64_t outputs() const { return out[0] * out[1] * out[2]; }
  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  Triple tap(std::int64_t index) const {
    return {index / (kernel[1] * kernel[2]), index / kernel[2] % kernel[1], index % kernel[2]};
  }

  // Input coordinate that tap t of output o meets along an axis; -1 where there is none.
  std::int64_t meets(std::size_t axis, std::int64_t o, std::int64_t t) const;

  // The outputs [first, last) of the innermost axis whose tap t meets the input; transposed: those
  // that may.
  struct Range {
    std::int64_t first = 0, last = 0;
  };
  Range valid(std::int64_t t) const { return valid_[t]; }

  void prepare();  // computes valid(), and makes one long axis of neighbours that pass()

 private:
  bool passes(std::size_t axis) const;  // each output meets exactly the input of the same index

  std::vector<Range> valid_;
};

// `leading` axes (batch, channel) stand before the spatial ones.
Spatial spatial_of(const Shape& x, const Shape& result, const Shape& window,
                   const kind::Sizes& stride, const kind::Sizes& low, const kind::Sizes& dilation,
                   bool transposed);

// out[j] = x at what tap `t` meets for output first + j, `filling` where it meets nothing; j < n.
// `first` counts over all spatial axes; x is one channel.
void gather_tap(const Spatial& s, const float* x, const Spatial::Triple& t, std::int64_t first,
                std::int64_t n, float filling, float* out);

// The same along one output row (of the innermost axis), where `row` is the input row met.
void gather_row(const Spatial& s, const float* row, std::int64_t t, std::int64_t first,
                std::int64_t n, float filling, float* out);

}  // namespace pliant::native
