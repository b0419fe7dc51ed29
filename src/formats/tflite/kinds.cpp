// What moves, joins and reduces, and Softmax, in TFLite's operators.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "formats/tflite/writer.h"

namespace pliant::tflite {
namespace {

Integers counting(std::size_t count) {
  Integers values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Integers placed_axes(const kind::Axes& axes, Layout layout) {
  Integers result;
  for (const int axis : axes) result.push_back(placed(axis, layout));
  std::sort(result.begin(), result.end());
  return result;
}

// Without the axes that were reduced, those of a tensor made channels last are not in the graph's
// order: brought back.
Index in_order(Writer& to, Index x, const kind::Axes& gone, Layout layout) {
  if (layout == Layout::plain) return x;
  Integers left;  // axes of the graph, as they stand
  for (const auto axis : to_last)
    if (std::ranges::find(gone, axis) == gone.end()) left.push_back(axis);
  Integers order = counting(left.size());
  std::ranges::sort(order, {}, [&](std::int64_t i) { return left[i]; });
  return to.transpose(x, order);
}

}  // namespace

Made write_kind(Writer& to, const Op& op, const kind::Reduce& kind) {
  using kind::ReduceFn;
  const Layout layout = to.common_layout(op.in);
  Index x = to.value(op.in[0], layout);
  const Integers axes = placed_axes(kind.axes, layout);
  const auto finished = [&](Index y) -> Made {
    if (kind.keep) return {y, layout};
    return {in_order(to, y, kind.axes, layout), Layout::plain};
  };
  switch (kind.fn) {
    case ReduceFn::sum: return finished(to.reduce(Code::sum, x, axes, kind.keep));
    case ReduceFn::mean: return finished(to.reduce(Code::mean, x, axes, kind.keep));
    case ReduceFn::max: return finished(to.reduce(Code::reduce_max, x, axes, kind.keep));
    case ReduceFn::min: return finished(to.reduce(Code::reduce_min, x, axes, kind.keep));
    case ReduceFn::product: return finished(to.reduce(Code::reduce_product, x, axes, kind.keep));
    case ReduceFn::argmax: {
      Shape shape = to.type(x).shape;
      shape.erase(shape.begin() + axes[0]);
      const Index axis =
          to.constant(Tensor::of(DType::i32, {}, {static_cast<double>(axes[0])}), "axis");
      const Index at = to.op(Code::arg_max, {x, axis}, {DType::i32, shape},
                             {OptionsKind::arg_max, {{0, static_cast<std::int8_t>(Type::i32)}}});
      if (!kind.keep) return finished(at);
      return {to.reshape(at, arranged(to.type(op.out[0]).shape, layout)), layout};
    }
    case ReduceFn::logsumexp: to.refuse("logsumexp has no TFLite operator");
  }
  return {};
}

Made write_kind(Writer& to, const Op& op, const kind::Gather& kind) {
  const TensorType& result = to.type(op.out[0]);
  return {to.op(Code::gather, {to.value(op.in[kind.x]), to.value(op.in[kind.index])}, result,
                {OptionsKind::gather, {{0, narrow(kind.axis)}, {1, narrow(kind.batch_axes)}}}),
          Layout::plain};
}

Made write_kind(Writer& to, const Op& op, const kind::Reshape& kind) {
  return {to.reshape(to.value(op.in[0]), kind.shape), Layout::plain};
}

Made write_kind(Writer& to, const Op& op, const kind::Slice& kind) {
  const Layout layout = to.common_layout(op.in);
  const Index x = to.value(op.in[0], layout);
  const Integers start = arranged(kind.start, layout), size = arranged(kind.size, layout),
                 step = arranged(kind.step, layout);
  if (std::ranges::all_of(step, [](std::int64_t s) { return s == 1; }))
    return {to.slice(x, start, size), layout};
  Integers end(start.size());
  std::int32_t open = 0;  // axes that go on to the first element, backwards
  for (std::size_t i = 0; i < end.size(); ++i) {
    end[i] = start[i] + (size[i] - 1) * step[i] + (step[i] > 0 ? 1 : -1);
    if (end[i] < 0) open |= 1 << i;
  }
  return {to.op(Code::strided_slice, {x, to.integers(start), to.integers(end), to.integers(step)},
                {to.type(x).dtype, size}, {OptionsKind::strided_slice, {{1, open}}}),
          layout};
}

Made write_kind(Writer& to, const Op& op, const kind::Concat& kind) {
  const Layout layout = to.common_layout(op.in);
  std::vector<Index> parts;
  for (const ValueId id : op.in) parts.push_back(to.value(id, layout));
  TensorType result = to.type(op.out[0]);
  result.shape = arranged(result.shape, layout);
  return {to.op(Code::concatenation, parts, result,
                {OptionsKind::concatenation,
                 {{0, narrow(placed(kind.axis, layout))}, {1, std::int8_t{0}}}}),
          layout};
}

Made write_kind(Writer& to, const Op& op, const kind::Pad& kind) {
  const Layout layout = to.common_layout(op.in);
  if (std::ranges::any_of(kind.interior, [](std::int64_t gap) { return gap != 0; }))
    to.refuse("padding between neighbours has no TFLite operator");
  if (kind.mode == kind::PadMode::edge) to.refuse("edge padding has no TFLite operator");
  Index x = to.value(op.in[0], layout);
  if (to.type(x).dtype != DType::f32 && kind.value != 0)
    to.refuse("padding of integers is by 0 alone");
  Integers low = arranged(kind.low, layout), high = arranged(kind.high, layout);
  const bool mirrors = kind.mode == kind::PadMode::reflect;
  const auto crop = [&] {  // what is negative
    Integers begin, size = to.type(x).shape;
    for (std::size_t i = 0; i < size.size(); ++i) {
      begin.push_back(std::max<std::int64_t>(-low[i], 0));
      size[i] += std::min<std::int64_t>(low[i], 0) + std::min<std::int64_t>(high[i], 0);
      low[i] = std::max<std::int64_t>(low[i], 0), high[i] = std::max<std::int64_t>(high[i], 0);
    }
    x = to.slice(x, begin, size);
  };
  if (mirrors && (std::ranges::min(low) < 0 || std::ranges::min(high) < 0))
    to.refuse("a reflection that is cropped has no TFLite operator");
  if (!mirrors) {
    crop();
    return {to.pad(x, low, high, kind.value), layout};
  }
  return {to.op(Code::mirror_pad, {x, to.pairs(low, high)},
                {to.type(x).dtype, arranged(to.type(op.out[0]).shape, layout)},
                {OptionsKind::mirror_pad, {{0, std::int8_t{0}}}}),
          layout};
}

// TFLite's is along the last axis of at most four.
Made write_kind(Writer& to, const Op& op, const kind::Softmax& kind) {
  const Layout layout = to.common_layout(op.in);
  const Index x = to.value(op.in[0], layout);
  const Shape shape = to.type(x).shape;
  const std::int64_t axis = placed(kind.axis, layout), rank = std::ssize(shape);
  Integers order = counting(shape.size());
  std::swap(order[axis], order.back());
  const Index turned = to.transpose(x, order);
  const Shape whole = to.type(turned).shape;
  const Shape flat = rank <= 4 ? whole : Shape{elements(shape) / shape[axis], shape[axis]};
  const Index rows = to.reshape(turned, flat);
  const Index y = to.op(Code::softmax, {rows}, to.type(rows), {OptionsKind::softmax, {{0, 1.0F}}});
  return {to.transpose(to.reshape(y, whole), order), layout};
}

bool written_whole(const Graph& graph, const Op& op) {
  if (std::holds_alternative<kind::Softmax>(op.kind)) return true;
  const auto image = [&](ValueId id) { return graph.value(id).type.shape.size() == 4; };
  if (const auto* convolve = std::get_if<kind::Convolve>(&op.kind))
    return !convolve->transposed && image(op.in[convolve->x]);
  if (const auto* pool = std::get_if<kind::Pool>(&op.kind))
    return image(op.in[pool->x]) &&
           std::ranges::all_of(pool->dilation, [](std::int64_t d) { return d == 1; });
  return false;
}

}  // namespace pliant::tflite
