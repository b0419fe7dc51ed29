// Shape rules of the composite kinds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "graph/shapes/check.h"
#include "graph/shapes/rules.h"

namespace pliant::shape_check {
namespace {

void finite(const ShapeRule& rule, double value, std::string_view what) {
  if (!std::isfinite(value)) rule.refuse(fmt::format("{} is {}", what, value));
}

void check_spatial(const ShapeRule& rule, const kind::Sizes& stride, const kind::Sizes& low,
                   const kind::Sizes& high, const kind::Sizes& dilation) {
  const Shape& x = rule.shape(0);
  if (x.size() < 3)
    rule.refuse(
        fmt::format("operand 0 is {}, [N,C,spatial...] expected", to_string(rule.operands[0])));
  rule.length(stride, x.size() - 2, "stride");
  rule.length(low, x.size() - 2, "low");
  rule.length(high, x.size() - 2, "high");
  rule.length(dilation, x.size() - 2, "dilation");
  rule.at_least(stride, 1, "stride");
  rule.at_least(dilation, 1, "dilation");
  rule.at_least(low, 0, "low padding");
}

std::int64_t transposed_size(const ShapeRule& rule, const kind::Convolve& kind, std::int64_t size,
                             std::int64_t window, std::size_t i) {
  if (size < 1) return 0;
  std::int64_t reach = checked_multiply(kind.dilation[i], window - 1, rule.place);
  std::int64_t out =
      checked_add(checked_multiply(size - 1, kind.stride[i], rule.place), reach, rule.place);
  out = checked_add(checked_add(out, 1, rule.place), -kind.low[i], rule.place);
  if (kind.high[i] < -kind.stride[i])
    rule.refuse(fmt::format("high padding {} of axis {}, at least {} expected", kind.high[i], i,
                            -kind.stride[i]));
  return checked_add(out, -kind.high[i], rule.place);
}

void check_groups(const ShapeRule& rule, const kind::Convolve& kind) {
  const Shape &x = rule.shape(kind.x), &w = rule.shape(kind.w);
  if (kind.groups < 1) rule.refuse(fmt::format("{} groups", kind.groups));
  if (kind.transposed) {
    if (w[0] != x[1])
      rule.refuse(fmt::format("{} input channels but the weight is {}", x[1], to_string(w)));
    if (x[1] % kind.groups)
      rule.refuse(fmt::format("{} input channels in {} groups", x[1], kind.groups));
    return;
  }
  if (x[1] % kind.groups || w[1] != x[1] / kind.groups)
    rule.refuse(fmt::format("{} input channels in {} groups but the weight is {}", x[1],
                            kind.groups, to_string(w)));
  if (w[0] % kind.groups)
    rule.refuse(fmt::format("{} output channels in {} groups", w[0], kind.groups));
}

}  // namespace

Types check(const ShapeRule& rule, const kind::Softmax& kind) {
  rule.count(1, 1);
  rule.floating(0);
  rule.axis(kind.axis, rule.shape(0).size());
  return {rule.operands[0]};
}

Types check(const ShapeRule& rule, const kind::Normalize& kind) {
  rule.count(1, 1);
  rule.floating(kind.x);
  if (kind.axes.empty()) rule.refuse("no axes");
  rule.axes(kind.axes, rule.shape(kind.x).size());
  finite(rule, kind.eps, "eps");
  if (kind.eps < 0) rule.refuse(fmt::format("eps {} is negative", kind.eps));
  TensorType statistic = rule.operands[kind.x];
  for (int axis : kind.axes) statistic.shape[axis] = 1;
  return {rule.operands[kind.x], statistic, statistic};
}

Types check(const ShapeRule& rule, const kind::Rotary& kind) {
  rule.count(2, 3);
  rule.floating(kind.x);
  rule.rank(kind.x, 3);
  rule.dtype(kind.pos, DType::i32);
  rule.shape(kind.pos, {rule.shape(kind.x)[0]});
  if (kind.dims < 2 || kind.dims % 2 || kind.dims > rule.shape(kind.x)[2])
    rule.refuse(fmt::format("{} rotated dimensions of {}, an even number expected", kind.dims,
                            rule.shape(kind.x)[2]));
  finite(rule, kind.scaling, "scaling");
  finite(rule, kind.base, "base");
  if (kind.base <= 0) rule.refuse(fmt::format("base {} is not positive", kind.base));
  if (rule.operands.size() > kind.factors) {
    rule.dtype(kind.factors, DType::f32);
    rule.shape(kind.factors, {kind.dims / 2});
  }
  return {rule.operands[kind.x]};
}

Types check(const ShapeRule& rule, const kind::Attention& kind) {
  rule.count(kind.operands(), kind.operands());
  for (const std::size_t i : {kind.q, kind.k, kind.v}) {
    rule.rank(i, 3);
    rule.floating(i);
    if (rule.operands[i].dtype != rule.operands[kind.q].dtype)
      rule.refuse(fmt::format("operand {} is {} but q is {}", i, to_string(rule.operands[i]),
                              to_string(rule.operands[kind.q])));
  }
  const Shape &q = rule.shape(kind.q), &k = rule.shape(kind.k), &v = rule.shape(kind.v);
  rule.shape(kind.k, {q[0], k[1], q[2]});
  rule.shape(kind.v, {q[0], k[1], v[2]});
  if (k[1] < 1 || q[1] % k[1])
    rule.refuse(fmt::format("{} query heads on {} key heads", q[1], k[1]));
  for (const std::size_t i : {kind.seq, kind.pos, kind.tag}) {
    rule.dtype(i, DType::i32);
    rule.shape(i, {q[0]});
  }
  if (const auto bias = kind.bias()) {
    rule.rank(*bias, 3);
    rule.dtype(*bias, DType::f32);
    rule.shape(*bias, {q[1], rule.shape(*bias)[1], rule.shape(*bias)[1]});
  }
  if (const auto tree = kind.tree()) {
    rule.dtype(*tree, DType::boolean);
    rule.shape(*tree, {q[0], q[0]});
  }
  finite(rule, kind.scale, "scale");
  if (kind.window < 0) rule.refuse(fmt::format("window {}", kind.window));
  finite(rule, kind.cap, "cap");
  if (kind.cap < 0) rule.refuse(fmt::format("cap {}", kind.cap));
  if (kind.cache < -1) rule.refuse(fmt::format("cache layer {}", kind.cache));
  return {{rule.operands[kind.q].dtype, {q[0], q[1], v[2]}}};
}

Types check(const ShapeRule& rule, const kind::Convolve& kind) {
  rule.count(2, 2);
  rule.same_dtype();
  rule.floating(kind.x);
  check_spatial(rule, kind.stride, kind.low, kind.high, kind.dilation);
  if (!kind.transposed) rule.at_least(kind.high, 0, "high padding");
  rule.rank(kind.w, rule.shape(kind.x).size());
  check_groups(rule, kind);
  const Shape &x = rule.shape(kind.x), &w = rule.shape(kind.w);
  rule.at_least(Shape(w.begin() + 2, w.end()), 1, "kernel size");
  Shape shape = {x[0], kind.transposed ? checked_multiply(w[1], kind.groups, rule.place) : w[0]};
  for (std::size_t i = 0; i + 2 < x.size(); ++i) {
    shape.push_back(kind.transposed ? transposed_size(rule, kind, x[i + 2], w[i + 2], i)
                                    : window_count(x[i + 2], kind.low[i], kind.high[i], w[i + 2],
                                                   kind.stride[i], kind.dilation[i]));
    if (shape.back() < 1)
      rule.refuse(
          fmt::format("a kernel of {} (dilation {}) does not fit spatial axis {}, which has size "
                      "{} padded by {} and {}",
                      w[i + 2], kind.dilation[i], i, x[i + 2], kind.low[i], kind.high[i]));
  }
  return {{rule.operands[kind.x].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Pool& kind) {
  rule.count(1, 1);
  check_spatial(rule, kind.stride, kind.low, kind.high, kind.dilation);
  const Shape& x = rule.shape(kind.x);
  rule.length(kind.size, x.size() - 2, "size");
  rule.at_least(kind.size, 1, "size");
  rule.at_least(kind.high, 0, "high padding");
  if (kind.fn == kind::PoolFn::mean) rule.floating(kind.x);
  if (rule.operands[kind.x].dtype == DType::boolean) rule.refuse("a bool operand", "cast it first");
  Shape shape = {x[0], x[1]};
  for (std::size_t i = 0; i + 2 < x.size(); ++i) {
    shape.push_back(window_count(x[i + 2], kind.low[i], kind.high[i], kind.size[i], kind.stride[i],
                                 kind.dilation[i]));
    if (shape.back() < 1)
      rule.refuse(
          fmt::format("a window of {} (dilation {}) does not fit spatial axis {}, which has size "
                      "{} padded by {} and {}",
                      kind.size[i], kind.dilation[i], i, x[i + 2], kind.low[i], kind.high[i]));
  }
  return {{rule.operands[kind.x].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::CrossEntropy& kind) {
  rule.count(3, 3);
  rule.rank(kind.hidden, 2);
  rule.rank(kind.table, 2);
  rule.floating(kind.hidden);
  if (rule.operands[kind.table].dtype != rule.operands[kind.hidden].dtype)
    rule.refuse(fmt::format("the table is {} but the hidden states are {}",
                            to_string(rule.operands[kind.table]),
                            to_string(rule.operands[kind.hidden])));
  if (rule.shape(kind.table)[0] < 1) rule.refuse("an empty table");
  rule.shape(kind.table, {rule.shape(kind.table)[0], rule.shape(kind.hidden)[1]});
  rule.dtype(kind.target, DType::i32);
  rule.shape(kind.target, {rule.shape(kind.hidden)[0]});
  TensorType loss{DType::f32, {rule.shape(kind.hidden)[0]}};
  return {loss, loss};
}

}  // namespace pliant::shape_check
