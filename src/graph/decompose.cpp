#include "graph/decompose.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace pliant {
namespace {

using kind::ReduceFn;

Expr call(Fn fn, const Expr& x) { return apply(fn, {x}); }

struct Decomposer {
  Builder& b;
  const std::vector<ValueId>& in;
  const std::vector<std::string>& names;

  std::vector<ValueId> operator()(const kind::Softmax& kind) const;
  std::vector<ValueId> operator()(const kind::Normalize& kind) const;
  std::vector<ValueId> operator()(const kind::Rotary& kind) const;
  std::vector<ValueId> operator()(const kind::Attention& kind) const;
  std::vector<ValueId> operator()(const kind::Convolve& kind) const;
  std::vector<ValueId> operator()(const kind::Pool& kind) const;
  std::vector<ValueId> operator()(const kind::CrossEntropy& kind) const;

  DType wide() const { return b.type(in[0]).dtype == DType::f64 ? DType::f64 : DType::f32; }
  ValueId widen(ValueId x) const {
    return b.type(x).dtype == wide() ? x : b.cast(x, wide(), "wide");
  }
  std::size_t spatial_rank() const { return b.shape(in[0]).size() - 2; }

  // The last operator of result `i`.
  ValueId result(Kind kind, std::vector<ValueId> operands, std::size_t i = 0) const {
    return b.add(std::move(kind), std::move(operands), "result", 1, {names[i]})[0];
  }
  ValueId result_map(const Expr& expr, std::vector<ValueId> operands, DType dtype,
                     std::size_t i = 0) const {
    return result(kind::Map{expr, dtype}, std::move(operands), i);
  }
  ValueId result_reshape(ValueId x, Shape shape) const {
    if (b.type(x).dtype == b.type(in[0]).dtype) return result(kind::Reshape{std::move(shape)}, {x});
    return result_map(argument(0), {b.reshape(x, std::move(shape))}, b.type(in[0]).dtype);
  }

  ValueId attention_mask(const kind::Attention& kind) const;
  ValueId attention_bias(const kind::Attention& kind, ValueId bias) const;
  ValueId attention_weights(const kind::Attention& kind, ValueId scores) const;
  ValueId padded(ValueId x, const kind::Sizes& low, const kind::Sizes& high, double value) const;
  ValueId windows(ValueId x, const kind::Pool& kind, double padding) const;
};

std::vector<ValueId> Decomposer::operator()(const kind::Softmax& kind) const {
  const ValueId most = b.reduce(ReduceFn::max, in[0], {kind.axis}, true, "max");
  const ValueId powers =
      b.map(call(Fn::exp, argument(0) - argument(1)), {in[0], most}, wide(), "exp");
  const ValueId sum = b.reduce(ReduceFn::sum, powers, {kind.axis}, true, "sum");
  return {result_map(argument(0) / argument(1), {powers, sum}, b.type(in[0]).dtype)};
}

std::vector<ValueId> Decomposer::operator()(const kind::Normalize& kind) const {
  const DType dtype = b.type(in[kind.x]).dtype;
  const ValueId x = widen(in[kind.x]);
  ValueId centred = x, mean = ValueId::none;
  if (kind.centre) {
    mean = b.reduce(ReduceFn::mean, x, kind.axes, true, "mean");
    centred = b.map(argument(0) - argument(1), {x, mean}, wide(), "centred");
  }
  const ValueId squares = b.map(argument(0) * argument(0), {centred}, wide(), "squares");
  const ValueId variance = b.reduce(ReduceFn::mean, squares, kind.axes, true, "variance");
  const Expr deviation = call(Fn::sqrt, argument(1) + constant(kind.eps));
  std::vector<ValueId> results{result_map(argument(0) / deviation, {centred, variance}, dtype)};
  if (names.size() == 1) return results;
  if (kind.centre) results.push_back(result_map(argument(0), {mean}, dtype, kind.mean));
  else results.push_back(result_map(constant(0), {variance}, dtype, kind.mean));
  results.push_back(result_map(argument(0), {variance}, dtype, kind.variance));
  return results;
}

std::vector<ValueId> Decomposer::operator()(const kind::Rotary& kind) const {
  const Shape shape = b.shape(in[kind.x]);
  const std::int64_t half = kind.dims / 2;
  std::vector<double> counting(static_cast<std::size_t>(half));
  std::iota(counting.begin(), counting.end(), 0);
  const ValueId index = b.constant(Tensor::of(DType::f32, {half}, counting), "index");
  const ValueId pos = b.reshape(in[kind.pos], {shape[0], 1, 1});
  // The angle stays inside one Map: as a stored f32 it would lose what large positions need.
  const Expr turn =
      apply(Fn::power,
            {constant(kind.base), argument(1) * constant(-2.0 / static_cast<double>(kind.dims))});
  Expr angle = argument(0) * turn * constant(kind.scaling);
  std::vector<ValueId> turns{pos, index};
  if (in.size() > kind.factors) {
    angle = angle / argument(2);
    turns.push_back(in[kind.factors]);
  }
  const ValueId cosine = b.map(call(Fn::cos, angle), turns, wide(), "cos");
  const ValueId sine = b.map(call(Fn::sin, angle), turns, wide(), "sin");

  const bool halves = kind.style == kind::RotaryStyle::halves;
  const kind::Sizes size{shape[0], shape[1], half}, step{1, 1, halves ? 1 : 2};
  const ValueId first = b.slice(in[kind.x], kind::Slice{{0, 0, 0}, size, step}, "first");
  const ValueId second =
      b.slice(in[kind.x], kind::Slice{{0, 0, halves ? half : 1}, size, step}, "second");
  const DType dtype = b.type(in[kind.x]).dtype;
  ValueId x = b.map(argument(0) * argument(2) - argument(1) * argument(3),
                    {first, second, cosine, sine}, dtype);
  ValueId y = b.map(argument(1) * argument(2) + argument(0) * argument(3),
                    {first, second, cosine, sine}, dtype);
  std::vector<ValueId> parts{x, y};
  if (!halves) {
    for (ValueId& part : parts) part = b.reshape(part, {shape[0], shape[1], half, 1});
    parts = {b.reshape(b.concat(parts, 3), {shape[0], shape[1], kind.dims})};
  }
  if (kind.dims < shape[2])
    parts.push_back(b.slice(in[kind.x], 2, kind.dims, shape[2] - kind.dims, "rest"));
  return {result(kind::Concat{2}, parts)};
}

// bool [R, R]: row i sees row j.
ValueId Decomposer::attention_mask(const kind::Attention& kind) const {
  const std::int64_t rows = b.shape(in[kind.q])[0];
  std::vector<ValueId> operands;
  for (const ValueId each : {in[kind.seq], in[kind.pos]}) {
    operands.push_back(b.reshape(each, {rows, 1}));
    operands.push_back(b.reshape(each, {1, rows}));
  }
  const Expr seq_i = argument(0), seq_j = argument(1), pos_i = argument(2), pos_j = argument(3);
  const auto both = [](const Expr& x, const Expr& y) { return apply(Fn::and_, {x, y}); };
  Expr sees = both(apply(Fn::equal, {seq_i, seq_j}), apply(Fn::less_equal, {constant(0), seq_i}));
  if (kind.causal) sees = both(sees, apply(Fn::less_equal, {pos_j, pos_i}));
  if (kind.window > 0)
    sees = both(sees, apply(Fn::less, {pos_i - pos_j, constant(static_cast<double>(kind.window))}));
  if (const auto tree = kind.tree()) {
    sees = both(sees, argument(4));
    operands.push_back(in[*tree]);
  }
  return b.map(sees, operands, DType::boolean, "mask");
}

// [Hq, R, R]: the bias of each pair of rows; padding rows may hold any position.
ValueId Decomposer::attention_bias(const kind::Attention& kind, ValueId bias) const {
  const Expr safe = select(apply(Fn::less, {argument(0), constant(0)}), constant(0), argument(1));
  const ValueId pos = b.map(safe, {in[kind.seq], in[kind.pos]}, DType::i32, "pos");
  return b.gather(b.gather(bias, pos, 1), pos, 2);
}

// Softmax over the visible rows; zeros where none is visible.
ValueId Decomposer::attention_weights(const kind::Attention& kind, ValueId scores) const {
  std::vector<ValueId> operands{scores, attention_mask(kind)};
  Expr score = argument(0) * constant(kind.scale);
  if (kind.cap > 0) score = constant(kind.cap) * call(Fn::tanh, score / constant(kind.cap));
  if (const auto bias = kind.bias()) {
    score = score + argument(2);
    operands.push_back(attention_bias(kind, in[*bias]));
  }
  constexpr double unseen = -3e38;  // below every score, and finite in f32
  const ValueId masked =
      b.map(select(argument(1), score, constant(unseen)), operands, wide(), "masked");
  const ValueId most = b.reduce(ReduceFn::max, masked, {2}, true, "max");
  const Expr power = select(argument(2), call(Fn::exp, argument(0) - argument(1)), constant(0));
  const ValueId powers = b.map(power, {masked, most, operands[1]}, wide(), "exp");
  const ValueId sum = b.reduce(ReduceFn::sum, powers, {2}, true, "sum");
  const Expr weight =
      select(apply(Fn::less, {constant(0), argument(1)}), argument(0) / argument(1), constant(0));
  return b.map(weight, {powers, sum}, wide(), "weights");
}

std::vector<ValueId> Decomposer::operator()(const kind::Attention& kind) const {
  const Shape q = b.shape(in[kind.q]);
  const std::int64_t rows = q[0], heads = q[1], groups = b.shape(in[kind.k])[1],
                     shared = heads / groups;
  const ValueId queries = b.reshape(widen(in[kind.q]), {rows, groups, shared, q[2]});
  const ValueId scores = b.einsum("ihgd,jhd->hgij", {queries, widen(in[kind.k])}, "scores");
  const ValueId weights = attention_weights(kind, b.reshape(scores, {heads, rows, rows}));
  const ValueId mixed =
      b.einsum("hgij,jhd->ihgd",
               {b.reshape(weights, {groups, shared, rows, rows}), widen(in[kind.v])}, "values");
  return {result_reshape(mixed, {rows, heads, b.shape(in[kind.v])[2]})};
}

// The spatial axes 2, 3, ... padded; `x` itself if there is nothing to pad.
ValueId Decomposer::padded(ValueId x, const kind::Sizes& low, const kind::Sizes& high,
                           double value) const {
  const auto zero = [](std::int64_t size) { return size == 0; };
  if (std::ranges::all_of(low, zero) && std::ranges::all_of(high, zero)) return x;
  kind::Pad pad{{0, 0}, {0, 0}, {}, kind::PadMode::constant, value};
  pad.low.insert(pad.low.end(), low.begin(), low.end());
  pad.high.insert(pad.high.end(), high.begin(), high.end());
  pad.interior.assign(pad.low.size(), 0);
  return b.pad(x, pad);
}

// a plain convolution: operand already padded, kernel [O, C/groups, kernel...] or, transposed, [C,
struct Taps {
  // O/groups, ..]
  ValueId x, w;
  kind::Sizes stride;
};

// The operand spread and padded, the kernel reversed: then a transposed convolution is a plain one
// of stride 1.
Taps untransposed(Builder& b, const std::vector<ValueId>& in, const kind::Convolve& kind) {
  const Shape w = b.shape(in[kind.w]);
  kind::Pad pad{kind::Sizes(w.size(), 0), kind::Sizes(w.size(), 0), kind::Sizes(w.size(), 0)};
  kind::Slice reversed{kind::Sizes(w.size(), 0), w, kind::Sizes(w.size(), 1)};
  for (std::size_t i = 0; i < kind.stride.size(); ++i) {
    const std::int64_t reach = kind.dilation[i] * (w[i + 2] - 1);
    pad.low[i + 2] = reach - kind.low[i];
    pad.high[i + 2] = reach - kind.high[i];
    pad.interior[i + 2] = kind.stride[i] - 1;
    reversed.start[i + 2] = w[i + 2] - 1;
    reversed.step[i + 2] = -1;
  }
  return {b.pad(in[kind.x], pad), b.slice(in[kind.w], reversed, "reversed"),
          kind::Sizes(kind.stride.size(), 1)};
}

kind::Axes spatial_axes(std::size_t count) {
  kind::Axes axes(count);
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}

std::vector<ValueId> Decomposer::operator()(const kind::Convolve& kind) const {
  const Taps taps = kind.transposed
                        ? untransposed(b, in, kind)
                        : Taps{padded(in[kind.x], kind.low, kind.high, 0), in[kind.w], kind.stride};
  const Shape w = b.shape(in[kind.w]);
  const std::size_t rank = spatial_rank();
  const kind::Sizes kernel(w.begin() + 2, w.end());
  const ValueId windows = b.window(
      taps.x, kind::Window{spatial_axes(rank), kernel, taps.stride, kind.dilation}, "windows");
  Shape split = b.shape(windows);  // channels as [groups, C/groups]
  split[1] /= kind.groups;
  split.insert(split.begin() + 1, kind.groups);
  Shape weight{kind.groups, w[0] / kind.groups, w[1]};
  weight.insert(weight.end(), kernel.begin(), kernel.end());
  std::string places, inner;
  for (std::size_t i = 0; i < rank; ++i) {
    places += static_cast<char>('A' + i);
    inner += static_cast<char>('P' + i);
  }
  const kind::Einsum product{{"ngc" + places + inner, (kind.transposed ? "gcm" : "gmc") + inner},
                             "ngm" + places};
  const ValueId out =
      b.add(product, {b.reshape(windows, split), b.reshape(taps.w, weight)}, "product")[0];
  Shape shape = b.shape(out);
  shape[1] *= shape[2];
  shape.erase(shape.begin() + 2);
  return {result_reshape(out, shape)};
}

ValueId Decomposer::windows(ValueId x, const kind::Pool& kind, double padding) const {
  const kind::Window window{spatial_axes(spatial_rank()), kind.size, kind.stride, kind.dilation};
  return b.window(padded(x, kind.low, kind.high, padding), window, "windows");
}

std::vector<ValueId> Decomposer::operator()(const kind::Pool& kind) const {
  const std::size_t rank = spatial_rank();
  kind::Axes axes(rank);
  std::iota(axes.begin(), axes.end(), static_cast<int>(rank) + 2);
  if (kind.fn == kind::PoolFn::max) {
    const ValueId all = windows(in[kind.x], kind, -std::numeric_limits<double>::infinity());
    return {result(kind::Reduce{ReduceFn::max, axes, false}, {all})};
  }
  if (!kind.divide_by_valid)
    return {result(kind::Reduce{ReduceFn::mean, axes, false}, {windows(in[kind.x], kind, 0)})};
  Shape one = b.shape(in[kind.x]);
  one[0] = one[1] = 1;
  const std::vector<double> ones(static_cast<std::size_t>(elements(one)), 1.0);
  const ValueId valid = b.constant(Tensor::of(wide(), one, ones), "valid");
  const ValueId counts = b.reduce(ReduceFn::sum, windows(valid, kind, 0), axes, false, "counts");
  const ValueId sums =
      b.reduce(ReduceFn::sum, windows(widen(in[kind.x]), kind, 0), axes, false, "sums");
  return {result_map(argument(0) / maximum(argument(1), constant(1)), {sums, counts},
                     b.type(in[kind.x]).dtype)};
}

std::vector<ValueId> Decomposer::operator()(const kind::CrossEntropy& kind) const {
  const std::int64_t rows = b.shape(in[kind.hidden])[0];
  const ValueId logits =
      b.einsum("rd,vd->rv", {widen(in[kind.hidden]), widen(in[kind.table])}, "logits");
  const ValueId total = b.reduce(ReduceFn::logsumexp, logits, {1}, false, "total");
  const ValueId target =
      b.map(maximum(argument(0), constant(0)), {in[kind.target]}, DType::i32, "target");
  const ValueId chosen = b.reshape(b.gather(logits, b.reshape(target, {rows, 1}), 1, 1), {rows});
  const Expr ignored = apply(Fn::less, {argument(0), constant(0)});
  const Expr loss = select(ignored, constant(0), argument(1) - argument(2));
  return {result_map(loss, {in[kind.target], total, chosen}, DType::f32, kind.nll),
          result_map(argument(0), {total}, DType::f32, kind.logsumexp)};
}

}  // namespace

std::vector<ValueId> decompose(Builder& builder, const Op& op, const std::vector<ValueId>& operands,
                               const std::vector<std::string>& result_names) {
  const Builder::Scope scope(builder, op.name);
  const Decomposer decomposer{builder, operands, result_names};
  return std::visit(Overloaded{[&](const Composite auto& kind) { return decomposer(kind); },
                               [&](const auto& kind) {
                                 return builder.add(kind, operands, "result",
                                                    static_cast<int>(op.out.size()), result_names);
                               }},
                    op.kind);
}

}  // namespace pliant
