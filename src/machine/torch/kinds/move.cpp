// Kinds that move data, and Reduce.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "machine/torch/kinds/compute.h"
#include "machine/torch/kinds/values.h"

namespace pliant::aten {
namespace {

// Where element i of an edge or reflect padded axis comes from.
std::int64_t source_index(std::int64_t i, std::int64_t size, kind::PadMode mode) {
  if (mode == kind::PadMode::edge) return std::clamp<std::int64_t>(i, 0, size - 1);
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1), phase = ((i % period) + period) % period;
  return phase < size ? phase : period - phase;
}

at::Tensor picked_axis(const at::Tensor& x, int axis, std::int64_t low, std::int64_t count,
                       kind::PadMode mode) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) index[i] = source_index(i - low, x.size(axis), mode);
  const at::Tensor on_cpu =
      at::from_blob(index.data(), {count}, at::TensorOptions().dtype(at::kLong));
  return x.index_select(axis, on_cpu.to(x.device(), false, true));
}

at::Tensor spread_axis(const at::Tensor& x, int axis, std::int64_t interior, double value) {
  const std::int64_t size = x.size(axis);
  if (size == 0) return x;
  const at::Tensor wide = x.unsqueeze(axis + 1);
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(2 * (wide.dim() - axis - 1)), 0);
  pairs.back() = interior;  // behind, on the new axis
  return at::constant_pad_nd(wide, pairs, value)
      .flatten(axis, axis + 1)
      .narrow(axis, 0, size + (size - 1) * interior);
}

// The value that a filled element holds, as libtorch's type holds it.
double held_value(double value, DType dtype) {
  const at::Tensor one = at::scalar_tensor(value, at::kDouble);
  return held(one, dtype).to(at::kDouble).item<double>();
}

at::Tensor reduced_float(const kind::Reduce& kind, const Call& call) {
  const at::Tensor x = call.real(0);
  const std::vector<std::int64_t> axes(kind.axes.begin(), kind.axes.end());
  if (axes.empty()) return x;
  switch (kind.fn) {
    case kind::ReduceFn::sum: return x.sum(axes, kind.keep);
    case kind::ReduceFn::mean: return x.mean(axes, kind.keep);
    case kind::ReduceFn::max: return x.amax(axes, kind.keep);
    case kind::ReduceFn::min: return x.amin(axes, kind.keep);
    case kind::ReduceFn::logsumexp: return at::logsumexp(x, axes, kind.keep);
    case kind::ReduceFn::argmax: {  // a NaN is the largest only where it stands first
      const at::Tensor first = x.narrow(axes[0], 0, 1).isnan();
      const at::Tensor numbers =
          at::where(x.isnan(), -std::numeric_limits<double>::infinity(), x.detach());
      const at::Tensor index = at::argmax(numbers, axes[0], true);
      const at::Tensor found = at::where(first, 0, index);
      return kind.keep ? found : found.squeeze(axes[0]);
    }
    case kind::ReduceFn::product: break;
  }
  at::Tensor product = x;
  for (std::size_t i = axes.size(); i-- > 0;) product = product.prod(axes[i], kind.keep);
  return product;
}

}  // namespace

Tensors compute(const kind::Reduce& kind, const Call& call) {
  return {call.held(reduced_float(kind, call))};
}

void check_index(const at::Tensor& index, std::int64_t size, const Call& call) {
  if (index.numel() == 0) return;
  for (const at::Tensor& extreme : {index.min(), index.max()})
    if (const auto value = extreme.item<std::int64_t>(); value < 0 || value >= size)
      throw Error(ErrorKind::invalid, call.op.name,
                  fmt::format("index {} is outside an axis of {}", value, size));
}

Tensors compute(const kind::Gather& kind, const Call& call) {
  const at::Tensor& x = call.in[kind.x];
  const at::Tensor index = call.in[kind.index].to(at::kLong);
  check_index(index, x.size(kind.axis), call);
  const Shape shape = call.result().shape;
  if (kind.batch_axes == 0) return {x.index_select(kind.axis, index.flatten()).reshape(shape)};
  // [batch, between, axis, behind]
  const auto axis = static_cast<std::size_t>(kind.axis),
             batch = static_cast<std::size_t>(kind.batch_axes);
  const auto sizes = x.sizes();
  const auto product = [&](std::size_t from, std::size_t to) {
    std::int64_t result = 1;
    for (std::size_t i = from; i < to; ++i) result *= sizes[i];
    return result;
  };
  const std::int64_t pairs = product(0, batch), between = product(batch, axis),
                     behind = product(axis + 1, sizes.size()),
                     count = index.numel() / std::max<std::int64_t>(pairs, 1);
  const at::Tensor blocks = x.reshape({pairs, between, sizes[axis], behind});
  const at::Tensor wanted =
      index.reshape({pairs, 1, count, 1}).expand({pairs, between, count, behind});
  return {at::gather(blocks, 2, wanted).reshape(shape)};
}

Tensors compute(const kind::Reshape&, const Call& call) {
  return {call.in[0].reshape(call.result().shape)};
}

Tensors compute(const kind::Slice& kind, const Call& call) {
  at::Tensor x = call.in[0];
  const Shape shape = call.result().shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    if (shape[i] == x.size(axis) && kind.step[i] == 1) continue;
    if (shape[i] == 0) {
      x = x.narrow(axis, 0, 0);
      continue;
    }
    const std::int64_t last = kind.start[i] + (shape[i] - 1) * kind.step[i];
    if (kind.step[i] > 0) x = x.slice(axis, kind.start[i], last + 1, kind.step[i]);
    else x = x.slice(axis, last, kind.start[i] + 1, -kind.step[i]).flip(axis);
  }
  return {x};
}

Tensors compute(const kind::Concat& kind, const Call& call) {
  Tensors parts = call.in;  // of one type in the graph, but some may be held in bf16
  for (at::Tensor& part : parts) part = part.to(held_type(call.result().dtype));
  return {at::cat(parts, kind.axis)};
}

at::Tensor padded(const at::Tensor& x, const kind::Sizes& low, const kind::Sizes& high,
                  double value) {
  std::vector<std::int64_t> pairs;  // the last axis first
  for (std::size_t i = low.size(); i-- > 0;) {
    pairs.push_back(low[i]);
    pairs.push_back(high[i]);
  }
  if (std::ranges::all_of(pairs, [](std::int64_t pad) { return pad == 0; })) return x;
  return at::constant_pad_nd(x, pairs, value);
}

Tensors compute(const kind::Pad& kind, const Call& call) {
  at::Tensor x = call.in[0];
  const Shape shape = call.result().shape;
  if (kind.mode != kind::PadMode::constant) {
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (kind.low[i] != 0 || kind.high[i] != 0)
        x = picked_axis(x, static_cast<int>(i), kind.low[i], shape[i], kind.mode);
    return {x};
  }
  const double value = held_value(kind.value, call.result().dtype);
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (kind.interior[i] > 0) x = spread_axis(x, static_cast<int>(i), kind.interior[i], value);
  return {padded(x, kind.low, kind.high, value)};
}

Tensors compute(const kind::Window& kind, const Call& call) {
  at::Tensor x = call.in[0];
  for (std::size_t i = 0; i < kind.axes.size(); ++i) {
    const std::int64_t reach = (kind.size[i] - 1) * kind.dilation[i] + 1;
    x = x.unfold(kind.axes[i], reach, kind.stride[i]).slice(-1, 0, reach, kind.dilation[i]);
  }
  return {x};
}

}  // namespace pliant::aten
