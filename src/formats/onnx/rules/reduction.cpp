// Reductions, argmax, softmax and its kin.
#include <fmt/format.h>

#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace reduction {

using kind::ReduceFn;

struct Span {
  std::vector<int> axes;
  bool keep = true;
  bool nothing = false;  // no axes, and that means: leave the operand alone
};

Span span_of(Call& c) {
  Span span;
  span.keep = c.integer("keepdims", 1) != 0;
  Integers axes = c.integers("axes").value_or(Integers{});
  if (c.has(1)) axes = c.known_integers(1, "the list of axes");
  span.axes = c.axes(axes, c.rank(0));
  if (!span.axes.empty()) return span;
  span.nothing = c.integer("noop_with_empty_axes", 0) != 0;
  span.axes = axis_range(0, c.rank(0));
  return span;
}

ValueId pointwise(Call& c, const Expr& expr, ValueId x) {
  return c.b.map(expr, {x}, c.b.type(x).dtype);
}

ValueId reduced(Call& c, ReduceFn fn, ValueId x, const Span& span) {
  if (span.nothing || span.axes.empty()) return x;
  const DType dtype = c.b.type(x).dtype;
  if (dtype == DType::boolean)
    return c.b.cast(c.b.reduce(fn, c.b.cast(x, DType::i32), span.axes, span.keep), DType::boolean);
  if (is_float(dtype) || (fn != ReduceFn::mean && fn != ReduceFn::logsumexp))
    return c.b.reduce(fn, x, span.axes, span.keep);
  return onnx_cast(c.b, c.b.reduce(fn, c.b.cast(x, DType::f64), span.axes, span.keep), dtype);
}

template <ReduceFn fn>
Results plain(Call& c) {
  return {reduced(c, fn, c.in(0), span_of(c))};
}

Results sum_of_sizes(Call& c) {
  return {reduced(c, ReduceFn::sum, pointwise(c, unary(Fn::absolute, argument(0)), c.in(0)),
                  span_of(c))};
}

ValueId square_sum(Call& c) {
  return reduced(c, ReduceFn::sum, pointwise(c, argument(0) * argument(0), c.in(0)), span_of(c));
}

Results sum_of_squares(Call& c) { return {square_sum(c)}; }
Results euclidean(Call& c) { return {pointwise(c, unary(Fn::sqrt, argument(0)), square_sum(c))}; }

Results log_sum(Call& c) {
  return {
      pointwise(c, unary(Fn::log, argument(0)), reduced(c, ReduceFn::sum, c.in(0), span_of(c)))};
}

ValueId first_largest(Call& c, ValueId x, int axis, bool keep, bool last) {
  if (!last) return c.b.cast(c.b.reduce(ReduceFn::argmax, x, {axis}, keep), DType::i64);
  const Shape shape = c.b.shape(x);
  kind::Slice mirror{Integers(shape.size(), 0), shape, Integers(shape.size(), 1)};
  const std::size_t at = axis;
  mirror.start[at] = shape[at] - 1, mirror.step[at] = -1;
  const ValueId from_end = c.b.reduce(ReduceFn::argmax, c.b.slice(x, mirror), {axis}, keep);
  return c.b.map(constant(shape[at] - 1) - argument(0), {from_end}, DType::i64);
}

Results arg_extreme(Call& c, bool smallest) {
  const int axis = c.axis(c.integer("axis", 0), c.rank(0));
  ValueId x = c.in(0);
  const DType dtype = c.type(0).dtype;
  const bool narrow = dtype == DType::u8 || dtype == DType::i8 || dtype == DType::u16 ||
                      dtype == DType::i16 || dtype == DType::u32 || dtype == DType::i32;
  if (smallest) x = c.b.map(unary(Fn::negate, argument(0)), {x}, narrow ? DType::i64 : dtype);
  return {first_largest(c, x, axis, c.integer("keepdims", 1) != 0,
                        c.integer("select_last_index", 0) != 0)};
}

Results argmax(Call& c) { return arg_extreme(c, false); }
Results argmin(Call& c) { return arg_extreme(c, true); }

// Before opset 13 softmax works on the operand flattened to two axes at `axis`; later along one
// axis.
struct Rows {
  ValueId x;
  int axis;
  bool flattened = false;
};

Rows rows_of(Call& c) {
  const int rank = c.rank(0);
  if (c.opset >= 13) return {c.in(0), c.axis(c.integer("axis", -1), rank)};
  const std::int64_t wanted = c.integer("axis", 1);
  const int axis = wanted == rank ? rank : c.axis(wanted, rank);
  std::int64_t before = 1, after = 1, others = 1;
  for (int i = 0; i < rank; ++i) (i < axis ? before : after) *= c.shape(0)[i];
  for (int i = axis + 1; i < rank; ++i) others *= c.shape(0)[i];
  if (axis < rank && others == 1) return {c.in(0), axis};
  return {c.b.reshape(c.in(0), {before, after}), 1, true};
}

ValueId restored(Call& c, const Rows& rows, ValueId y) {
  return rows.flattened ? c.b.reshape(y, c.shape(0)) : y;
}

Results softmax(Call& c) {
  const Rows rows = rows_of(c);
  return {restored(c, rows, c.b.softmax(rows.x, rows.axis))};
}

Results log_softmax(Call& c) {
  const Rows rows = rows_of(c);
  const ValueId total = c.b.reduce(ReduceFn::logsumexp, rows.x, {rows.axis}, true);
  return {restored(c, rows, c.b.map(argument(0) - argument(1), {rows.x, total}, c.type(0).dtype))};
}

Results hardmax(Call& c) {
  const Rows rows = rows_of(c);
  const Shape shape = c.b.shape(rows.x);
  const std::int64_t size = shape[rows.axis];
  c.check_size({DType::i64, {size}});
  Integers positions;
  for (std::int64_t i = 0; i < size; ++i) positions.push_back(i);
  const ValueId index = along_axis(c.b, constant_integers(c.b, positions), rows.axis, shape.size());
  const ValueId largest = first_largest(c, rows.x, rows.axis, true, false);
  return {restored(
      c, rows,
      c.b.map(apply(Fn::equal, {argument(0), argument(1)}), {index, largest}, c.type(0).dtype))};
}

constexpr RuleEntry rules[] = {
    {"ArgMax", argmax},
    {"ArgMin", argmin},
    {"Hardmax", hardmax},
    {"LogSoftmax", log_softmax},
    {"ReduceL1", sum_of_sizes},
    {"ReduceL2", euclidean},
    {"ReduceLogSum", log_sum},
    {"ReduceLogSumExp", plain<ReduceFn::logsumexp>},
    {"ReduceMax", plain<ReduceFn::max>},
    {"ReduceMean", plain<ReduceFn::mean>},
    {"ReduceMin", plain<ReduceFn::min>},
    {"ReduceProd", plain<ReduceFn::product>},
    {"ReduceSum", plain<ReduceFn::sum>},
    {"ReduceSumSquare", sum_of_squares},
    {"Softmax", softmax},
};

}  // namespace reduction
}  // namespace

std::span<const RuleEntry> reduction_rules() { return reduction::rules; }

}  // namespace pliant::onnx
