// Convolve and Pool. TFLite pads by a rule ("same") or not at all: other paddings are operators of
// their own.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "formats/tflite/writer.h"

namespace pliant::tflite {
namespace {

struct Reach {  // of one spatial axis
  std::int64_t size, stride, low, high, dilation;
};

// Whether "same" pads by just this: so that every stride-th position has a window, the odd zero at
// the end.
bool is_same(std::int64_t in, const Reach& r) {
  const std::int64_t out = (in + r.stride - 1) / r.stride;
  const std::int64_t total =
      std::max<std::int64_t>((out - 1) * r.stride + (r.size - 1) * r.dilation + 1 - in, 0);
  return r.low == total / 2 && r.high == total - total / 2;
}

struct Padded {
  Index x = -1;
  Padding padding = Padding::valid;
};

// [N, H, W, C] under windows that reach over its edges.
Padded padded(Writer& to, Index x, const Reach& rows, const Reach& columns, double value) {
  const Shape& shape = to.type(x).shape;
  const bool none = rows.low == 0 && rows.high == 0 && columns.low == 0 && columns.high == 0;
  if (!none && is_same(shape[1], rows) && is_same(shape[2], columns)) return {x, Padding::same};
  Integers low{0, rows.low, columns.low, 0}, high{0, rows.high, columns.high, 0};
  Integers begin(4, 0), size = shape;
  for (std::size_t i = 0; i < 4; ++i) {
    begin[i] = std::max<std::int64_t>(-low[i], 0);
    size[i] += std::min<std::int64_t>(low[i], 0) + std::min<std::int64_t>(high[i], 0);
    low[i] = std::max<std::int64_t>(low[i], 0), high[i] = std::max<std::int64_t>(high[i], 0);
  }
  return {to.pad(to.slice(x, begin, size), low, high, value), Padding::valid};
}

Shape last(const Shape& shape) { return arranged(shape, Layout::last); }

}  // namespace

Made write_kind(Writer& to, const Op& op, const kind::Convolve& kind) {
  if (kind.transposed || to.type(op.in[kind.x]).shape.size() != 4)
    to.refuse("only convolutions over two axes, not transposed, are written");
  const Shape& w = to.type(op.in[kind.w]).shape;
  const auto reach = [&](std::size_t i) {
    return Reach{w[2 + i], kind.stride[i], kind.low[i], kind.high[i], kind.dilation[i]};
  };
  const Padded x = padded(to, to.value(op.in[kind.x], Layout::last), reach(0), reach(1), 0);
  const bool depthwise = kind.groups > 1 && w[1] == 1;
  // [O, 1, H, W] is [1, H, W, O] there, else [O, H, W, I]
  Index weights = to.value(op.in[kind.w], Layout::last);
  if (depthwise) weights = to.transpose(weights, {3, 1, 2, 0});
  // LiteRT demands a bias
  std::vector<Index> in{x.x, weights};
  if (const auto bias = to.bias_of(op)) {
    to.take_over(*bias);
    in.push_back(to.reshape(to.value(bias->value), {w[0]}));
  } else {
    in.push_back(to.constant(Tensor({DType::f32, {w[0]}}), "no bias"));
  }
  Options options{depthwise ? OptionsKind::depthwise : OptionsKind::convolve,
                  {{0, static_cast<std::int8_t>(x.padding)},
                   {1, narrow(kind.stride[1])},
                   {2, narrow(kind.stride[0])}}};
  int next = 3;
  if (depthwise) options.fields[next++] = narrow(w[0] / kind.groups);
  options.fields[next++] = std::int8_t{0};  // no activation
  options.fields[next++] = narrow(kind.dilation[1]);
  options.fields[next] = narrow(kind.dilation[0]);
  const TensorType result{DType::f32, last(to.type(op.out[0]).shape)};
  return {to.op(depthwise ? Code::depthwise : Code::convolve, in, result, options), Layout::last};
}

namespace {

// How many positions of a window lie inside, for every window of an axis.
std::vector<double> counts(std::int64_t in, std::int64_t out, const Reach& r) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t begin = i * r.stride - r.low;
    result.push_back(
        static_cast<double>(std::min(begin + r.size, in) - std::max<std::int64_t>(begin, 0)));
  }
  return result;
}

// From a mean over whole windows to that over what lies inside.
Index over_valid(Writer& to, Index mean, const Shape& in, const Reach& rows, const Reach& columns) {
  const TensorType type = to.type(mean);
  const auto high = counts(in[1], type.shape[1], rows),
             wide = counts(in[2], type.shape[2], columns);
  std::vector<double> factors;
  for (const double h : high)
    for (const double w : wide)
      factors.push_back(static_cast<double>(rows.size * columns.size) / (h * w));
  const Index factor =
      to.constant(Tensor::of(DType::f32, {1, type.shape[1], type.shape[2], 1}, factors), "valid");
  return to.op(Code::multiply, {mean, factor}, type,
               {OptionsKind::multiply, {{0, std::int8_t{0}}}});
}

}  // namespace

// "same" leaves out what lies outside of a mean; zeros that count are padded first.
Made write_kind(Writer& to, const Op& op, const kind::Pool& kind) {
  const bool largest = kind.fn == kind::PoolFn::max;
  const auto reach = [&](std::size_t i) {
    return Reach{kind.size[i], kind.stride[i], kind.low[i], kind.high[i], 1};
  };
  const Reach rows = reach(0), columns = reach(1);
  const Index whole = to.value(op.in[kind.x], Layout::last);
  const Shape shape = to.type(whole).shape;
  const bool over = rows.low != 0 || rows.high != 0 || columns.low != 0 || columns.high != 0;
  const bool same = over && (largest || kind.divide_by_valid) && is_same(shape[1], rows) &&
                    is_same(shape[2], columns);
  const Index x =
      same || !over ? whole
                    : to.pad(whole, {0, rows.low, columns.low, 0}, {0, rows.high, columns.high, 0},
                             largest ? std::numeric_limits<float>::lowest() : 0);
  const TensorType result{DType::f32, last(to.type(op.out[0]).shape)};
  const Index y = to.op(largest ? Code::max_pool : Code::average_pool, {x}, result,
                        {OptionsKind::pool,
                         {{0, static_cast<std::int8_t>(same ? Padding::same : Padding::valid)},
                          {1, narrow(kind.stride[1])},
                          {2, narrow(kind.stride[0])},
                          {3, narrow(kind.size[1])},
                          {4, narrow(kind.size[0])},
                          {5, std::int8_t{0}}}});
  const bool rescaled = over && !same && !largest && kind.divide_by_valid;
  return {rescaled ? over_valid(to, y, shape, rows, columns) : y, Layout::last};
}

}  // namespace pliant::tflite
