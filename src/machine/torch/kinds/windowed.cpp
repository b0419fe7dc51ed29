// Convolve and Pool.
#include <algorithm>
#include <limits>

#include "machine/torch/kinds/compute.h"

namespace pliant::aten {
namespace {

// Pads for the spatial axes, with none for the first two.
kind::Sizes spatial(const kind::Sizes& sizes, std::int64_t factor = 1) {
  kind::Sizes result{0, 0};
  for (const std::int64_t size : sizes) result.push_back(size * factor);
  return result;
}

// x [N,C,spatial...] with one more axis per window, appended.
at::Tensor windows(const at::Tensor& x, const kind::Pool& kind, double padding) {
  at::Tensor result = padded(x, spatial(kind.low), spatial(kind.high), padding);
  for (std::size_t i = 0; i < kind.size.size(); ++i) {
    const std::int64_t reach = (kind.size[i] - 1) * kind.dilation[i] + 1;
    result = result.unfold(static_cast<std::int64_t>(i) + 2, reach, kind.stride[i])
                 .slice(-1, 0, reach, kind.dilation[i]);
  }
  return result;
}

}  // namespace

Tensors compute(const kind::Convolve& kind, const Call& call) {
  at::Tensor x = call.factor(kind.x);
  const at::Tensor w = call.factor(kind.w);
  if (!kind.transposed) x = padded(x, spatial(kind.low), spatial(kind.high), 0);
  const kind::Sizes none(kind.stride.size(), 0);
  at::Tensor y = at::convolution(x, w, {}, kind.stride, none, kind.dilation, kind.transposed, none,
                                 kind.groups);
  // padding takes away from the result of a transposed one
  if (kind.transposed) y = padded(y, spatial(kind.low, -1), spatial(kind.high, -1), 0);
  return {call.held(y)};
}

Tensors compute(const kind::Pool& kind, const Call& call) {
  const at::Tensor x = call.real(kind.x);
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < kind.size.size(); ++i)
    axes.push_back(x.dim() + static_cast<std::int64_t>(i));
  if (kind.fn == kind::PoolFn::max)
    return {call.held(windows(x, kind, -std::numeric_limits<double>::infinity()).amax(axes))};
  const at::Tensor sums = windows(x, kind, 0).sum(axes);
  if (kind.divide_by_valid) {
    const at::Tensor ones = at::ones_like(x.detach().narrow(0, 0, 1).narrow(1, 0, 1));
    return {call.held(sums / windows(ones, kind, 0).sum(axes).clamp_min(1))};
  }
  std::int64_t all = 1;
  for (const std::int64_t size : kind.size) all *= size;
  return {call.held(sums / static_cast<double>(all))};
}

}  // namespace pliant::aten
