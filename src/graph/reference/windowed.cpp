#include <limits>
#include <numeric>

#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

// Padding of the spatial axes 2, 3, ...
kind::Pad spatial_pad(std::size_t rank, const kind::Sizes& low, const kind::Sizes& high,
                      double value) {
  kind::Pad pad;
  pad.low.assign(rank, 0);
  pad.high = pad.interior = pad.low;
  std::ranges::copy(low, pad.low.begin() + 2);
  std::ranges::copy(high, pad.high.begin() + 2);
  pad.value = value;
  return pad;
}

Shape spatial(const Shape& shape) { return {shape.begin() + 2, shape.end()}; }

Offsets times(Offsets offsets, const kind::Sizes& factors) {
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] *= factors[i];
  return offsets;
}

Offsets prepend(std::int64_t first, const Offsets& rest) {
  Offsets result{first};
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

// A convolution over an already padded operand, as one batched product: batch = (image, group).
struct PaddedConvolution {
  TensorView x, w, out;
  kind::Sizes stride, dilation;
  std::int64_t groups;
  bool transposed;  // w is [C, O/groups, kernel...], read backwards
};

Factor weight_factor(const PaddedConvolution& c, std::int64_t images) {
  const Shape& shape = c.w.type.shape;
  const auto pitch = strides(shape);
  const std::int64_t out_axis = c.transposed ? 1 : 0, in_axis = 1 - out_axis;
  const std::int64_t group_step = shape[0] / c.groups * pitch[0];
  const std::int64_t outs = c.transposed ? shape[1] : shape[0] / c.groups;
  const std::int64_t ins = c.transposed ? shape[0] / c.groups : shape[1];
  Offsets taps = spatial(pitch);
  std::int64_t start = 0;
  if (c.transposed)
    for (std::size_t i = 0; i < taps.size(); ++i) {
      start += (shape[i + 2] - 1) * taps[i];
      taps[i] = -taps[i];
    }
  Factor factor{c.w, box({images, c.groups}, {0, group_step}), box({outs}, {pitch[out_axis]}),
                box(prepend(ins, spatial(shape)), prepend(pitch[in_axis], taps))};
  for (auto& offset : factor.inner) offset += start;
  return factor;
}

void convolve_padded(const PaddedConvolution& c, ThreadPool& pool) {
  const Shape &in = c.x.type.shape, &out = c.out.type.shape;
  const auto pitch = strides(in), out_pitch = strides(out);
  const std::int64_t images = in[0], ins = in[1] / c.groups, outs = out[1] / c.groups;
  const Offsets steps = spatial(pitch);
  const Factor pixels{
      c.x, box({images, c.groups}, {pitch[0], ins * pitch[1]}),
      box(spatial(out), times(steps, c.stride)),
      box(prepend(ins, spatial(c.w.type.shape)), prepend(pitch[1], times(steps, c.dilation)))};
  const Target target{c.out, box({images, c.groups}, {out_pitch[0], outs * out_pitch[1]}),
                      box({outs}, {out_pitch[1]}), box(spatial(out), spatial(out_pitch))};
  multiply(weight_factor(c, images), pixels, target, pool);
}

}  // namespace

void evaluate(const kind::Convolve& kind, const OperatorCall& call) {
  const TensorView &x = call.in[kind.x], &w = call.in[kind.w];
  kind::Pad pad = spatial_pad(x.type.shape.size(), kind.low, kind.high, 0);
  kind::Sizes stride = kind.stride;
  if (kind.transposed)
    for (std::size_t i = 0; i < stride.size(); ++i) {
      const std::int64_t reach = kind.dilation[i] * (w.type.shape[i + 2] - 1);
      pad.low[i + 2] = reach - kind.low[i];
      pad.high[i + 2] = reach - kind.high[i];
      pad.interior[i + 2] = stride[i] - 1;
      stride[i] = 1;
    }
  const Tensor wide = padded(x, pad, call.pool);
  convolve_padded(
      {wide.view(), w, call.out[0], stride, kind.dilation, kind.groups, kind.transposed},
      call.pool);
}

namespace {

// Per output position, how many positions of its window are not padding.
std::vector<double> valid_counts(const kind::Pool& kind, const Shape& in, const Shape& out) {
  std::vector<double> counts{1};
  for (std::size_t axis = 0; axis < kind.size.size(); ++axis) {
    std::vector<double> next;
    for (const double outer : counts)
      for (std::int64_t i = 0; i < out[axis]; ++i) {
        int valid = 0;
        for (std::int64_t k = 0; k < kind.size[axis]; ++k) {
          const std::int64_t at = i * kind.stride[axis] + k * kind.dilation[axis] - kind.low[axis];
          if (at >= 0 && at < in[axis]) ++valid;
        }
        next.push_back(outer * valid);
      }
    counts = std::move(next);
  }
  return counts;
}

}  // namespace

void evaluate(const kind::Pool& kind, const OperatorCall& call) {
  const TensorView &x = call.in[kind.x], &out = call.out[0];
  const bool mean = kind.fn == kind::PoolFn::mean;
  const double fill = mean ? 0 : -std::numeric_limits<double>::infinity();
  const Tensor wide =
      padded(x, spatial_pad(x.type.shape.size(), kind.low, kind.high, fill), call.pool);
  const auto pitch = strides(wide.type().shape);
  const Offsets steps = spatial(pitch), strided = times(steps, kind.stride);
  Offsets moves{pitch[0], pitch[1]};
  moves.insert(moves.end(), strided.begin(), strided.end());
  const Offsets kept = box(out.type.shape, moves),
                window = box(kind.size, times(steps, kind.dilation));
  if (!mean) return reduce(kind::ReduceFn::max, wide.view(), kept, window, out, call.pool);
  Tensor sums({DType::f64, out.type.shape});
  reduce(kind::ReduceFn::sum, wide.view(), kept, window, sums.view(), call.pool);
  const auto counts = valid_counts(kind, spatial(x.type.shape), spatial(out.type.shape));
  const auto all = static_cast<double>(window.size());
  const auto values = sums.span<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double divisor = kind.divide_by_valid ? std::max(1.0, counts[i % counts.size()]) : all;
    write(out, static_cast<std::int64_t>(i), values[i] / divisor);
  }
}

}  // namespace pliant::reference
