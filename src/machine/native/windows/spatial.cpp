#include "machine/native/windows/spatial.h"

#include <algorithm>
#include <cstring>

namespace pliant::native {

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

}  // namespace

std::int64_t Spatial::meets(std::size_t axis, std::int64_t o, std::int64_t t) const {
  std::int64_t at = 0;
  if (transposed) {
    const std::int64_t shifted = o + low[axis] - t * dilation[axis];
    if (shifted < 0 || shifted % stride[axis] != 0) return -1;
    at = shifted / stride[axis];
  } else {
    at = o * stride[axis] - low[axis] + t * dilation[axis];
  }
  return at >= 0 && at < in[axis] ? at : -1;
}

bool Spatial::passes(std::size_t axis) const {
  return kernel[axis] == 1 && stride[axis] == 1 && low[axis] == 0 && in[axis] == out[axis];
}

void Spatial::prepare() {
  for (std::size_t outer = most_spatial - 1; outer-- > 0 && passes(outer) && passes(2);) {
    in[2] = out[2] = in[outer] * in[2];
    in[outer] = out[outer] = 1;
  }
  valid_.resize(kernel[2]);
  for (std::int64_t t = 0; t < kernel[2]; ++t) {
    // stride * o - low + dilation * t in [0, in); transposed: o + low - dilation * t in [0, stride
    // * (in - 1)]
    const std::int64_t shift = transposed ? dilation[2] * t - low[2] : low[2] - dilation[2] * t;
    const std::int64_t step = transposed ? 1 : stride[2];
    const std::int64_t span = transposed ? stride[2] * (in[2] - 1) : in[2] - 1;
    const std::int64_t first = std::clamp<std::int64_t>(-floor_div(-shift, step), 0, out[2]);
    const std::int64_t last =
        std::clamp<std::int64_t>(floor_div(span + shift, step) + 1, first, out[2]);
    valid_[t] = {first, last};
  }
}

Spatial spatial_of(const Shape& x, const Shape& result, const Shape& window,
                   const kind::Sizes& stride, const kind::Sizes& low, const kind::Sizes& dilation,
                   bool transposed) {
  Spatial s;
  const std::size_t rank = window.size();
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t to = most_spatial - rank + i;
    s.in[to] = x[x.size() - rank + i];
    s.out[to] = result[result.size() - rank + i];
    s.kernel[to] = window[i];
    s.stride[to] = stride[i];
    s.low[to] = low[i];
    s.dilation[to] = dilation[i];
  }
  s.transposed = transposed;
  s.prepare();
  return s;
}

void gather_row(const Spatial& s, const float* row, std::int64_t t, std::int64_t first,
                std::int64_t n, float filling, float* out) {
  const Spatial::Range valid = s.valid(t);
  const std::int64_t begin = std::clamp(valid.first - first, std::int64_t{0}, n);
  const std::int64_t end = std::clamp(valid.last - first, begin, n);
  std::fill(out, out + begin, filling);
  if (s.transposed) {
    for (std::int64_t j = begin; j < end; ++j) {
      const std::int64_t at = s.meets(2, first + j, t);
      out[j] = at < 0 ? filling : row[at];
    }
  } else if (end > begin) {
    const float* from = row + ((first + begin) * s.stride[2] - s.low[2] + t * s.dilation[2]);
    if (s.stride[2] == 1) std::memcpy(out + begin, from, (end - begin) * sizeof(float));
    else
      for (std::int64_t j = begin; j < end; ++j, from += s.stride[2]) out[j] = *from;
  }
  std::fill(out + end, out + n, filling);
}

void gather_tap(const Spatial& s, const float* x, const Spatial::Triple& t, std::int64_t first,
                std::int64_t n, float filling, float* out) {
  const std::int64_t width = s.out[2];
  std::int64_t column = first % width, row = first / width % s.out[1],
               plane = first / width / s.out[1];
  while (n > 0) {
    const std::int64_t length = std::min(width - column, n);
    const std::int64_t z = s.meets(0, plane, t[0]), y = s.meets(1, row, t[1]);
    if (z < 0 || y < 0) std::fill(out, out + length, filling);
    else gather_row(s, x + (z * s.in[1] + y) * s.in[2], t[2], column, length, filling, out);
    out += length;
    n -= length;
    column = 0;
    if (++row < s.out[1]) continue;
    row = 0;
    ++plane;
  }
}

}  // namespace pliant::native
