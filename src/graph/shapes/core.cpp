// Shape rules of the core kinds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/checked.h"
#include "core/error.h"
#include "graph/shapes/check.h"
#include "graph/shapes/rules.h"

namespace pliant::shape_check {
namespace {

std::size_t label_index(const ShapeRule& rule, char label) {
  if (label >= 'a' && label <= 'z') return static_cast<std::size_t>(label - 'a');
  if (label >= 'A' && label <= 'Z') return static_cast<std::size_t>(label - 'A') + 26;
  rule.refuse(fmt::format("label '{}' is not a letter", label));
}

using LabelSizes = std::array<std::int64_t, 52>;

LabelSizes label_sizes(const ShapeRule& rule, const kind::Einsum& kind) {
  LabelSizes sizes;
  sizes.fill(-1);
  for (std::size_t i = 0; i < kind.in.size(); ++i) {
    if (kind.in[i].size() != rule.shape(i).size())
      rule.refuse(fmt::format("operand {} is {} but has the labels '{}'", i,
                              to_string(rule.operands[i]), kind.in[i]));
    for (std::size_t axis = 0; axis < kind.in[i].size(); ++axis) {
      std::int64_t& size = sizes[label_index(rule, kind.in[i][axis])];
      if (size >= 0 && size != rule.shape(i)[axis])
        rule.refuse(fmt::format("label '{}' has size {} and, in operand {}, {}", kind.in[i][axis],
                                size, i, rule.shape(i)[axis]));
      size = rule.shape(i)[axis];
    }
  }
  return sizes;
}

}  // namespace

Types check(const ShapeRule& rule, const kind::Einsum& kind) {
  rule.count(1, std::numeric_limits<int>::max());
  if (kind.in.size() != rule.operands.size())
    rule.refuse(
        fmt::format("{} operand(s) for {} label groups", rule.operands.size(), kind.in.size()));
  rule.same_dtype();
  LabelSizes sizes = label_sizes(rule, kind);
  Shape shape;
  for (std::size_t i = 0; i < kind.out.size(); ++i) {
    std::int64_t size = sizes[label_index(rule, kind.out[i])];
    if (size < 0) rule.refuse(fmt::format("output label '{}' is in no operand", kind.out[i]));
    if (kind.out.find(kind.out[i]) != i)
      rule.refuse(fmt::format("output label '{}' is repeated", kind.out[i]));
    shape.push_back(size);
  }
  bool sums = std::any_of(kind.in.begin(), kind.in.end(), [&](const std::string& labels) {
    return labels.find_first_not_of(kind.out) != std::string::npos;
  });
  if (rule.operands[0].dtype == DType::boolean && (kind.in.size() > 1 || sums))
    rule.refuse("products and sums of bool", "cast the operands first");
  return {{rule.operands[0].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Map& kind) {
  rule.count(1, 256);
  try {
    validate(kind.expr, static_cast<int>(rule.operands.size()));
  } catch (const Error& error) {
    rule.refuse(error.problem());
  }
  Shape shape;
  for (const TensorType& operand : rule.operands)
    shape = broadcast(shape, operand.shape, rule.place);
  return {{kind.dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Reduce& kind) {
  using kind::ReduceFn;
  rule.count(1, 1);
  const TensorType& x = rule.operands[0];
  rule.axes(kind.axes, x.shape.size());
  if (x.dtype == DType::boolean) rule.refuse("a bool operand", "cast it first");
  if (kind.fn == ReduceFn::mean || kind.fn == ReduceFn::logsumexp) rule.floating(0);
  bool selects =
      kind.fn == ReduceFn::max || kind.fn == ReduceFn::min || kind.fn == ReduceFn::argmax;
  if (kind.fn == ReduceFn::argmax && kind.axes.size() != 1)
    rule.refuse(fmt::format("argmax over {} axes, 1 expected", kind.axes.size()));
  Shape shape;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    bool reduced = std::binary_search(kind.axes.begin(), kind.axes.end(), static_cast<int>(axis));
    if (reduced && selects && x.shape[axis] == 0)
      rule.refuse(fmt::format("no elements along axis {}", axis));
    if (!reduced) shape.push_back(x.shape[axis]);
    if (reduced && kind.keep) shape.push_back(1);
  }
  return {{kind.fn == ReduceFn::argmax ? DType::i32 : x.dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Gather& kind) {
  rule.count(2, 2);
  const Shape &x = rule.shape(kind.x), &index = rule.shape(kind.index);
  rule.axis(kind.axis, x.size());
  if (rule.operands[kind.index].dtype != DType::i32 &&
      rule.operands[kind.index].dtype != DType::i64)
    rule.refuse(
        fmt::format("the index is {}, i32 or i64 expected", to_string(rule.operands[kind.index])));
  if (kind.batch_axes < 0 || kind.batch_axes > kind.axis ||
      static_cast<std::size_t>(kind.batch_axes) > index.size())
    rule.refuse(fmt::format("{} batch axes with axis {} and an index of rank {}", kind.batch_axes,
                            kind.axis, index.size()));
  for (int i = 0; i < kind.batch_axes; ++i)
    if (x[i] != index[i])
      rule.refuse(
          fmt::format("batch axis {} has size {} and, in the index, {}", i, x[i], index[i]));
  Shape shape(x.begin(), x.begin() + kind.axis);
  shape.insert(shape.end(), index.begin() + kind.batch_axes, index.end());
  shape.insert(shape.end(), x.begin() + kind.axis + 1, x.end());
  return {{rule.operands[kind.x].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Reshape& kind) {
  rule.count(1, 1);
  rule.at_least(kind.shape, 0, "size");
  std::int64_t have = elements(rule.shape(0)), want = 1;
  for (std::int64_t size : kind.shape) want = checked_multiply(want, size, rule.place);
  if (have != want)
    rule.refuse(fmt::format("{} has {} elements, {} has {}", to_string(rule.shape(0)), have,
                            to_string(kind.shape), want));
  return {{rule.operands[0].dtype, kind.shape}};
}

Types check(const ShapeRule& rule, const kind::Slice& kind) {
  rule.count(1, 1);
  const Shape& x = rule.shape(0);
  rule.length(kind.start, x.size(), "start");
  rule.length(kind.size, x.size(), "size");
  rule.length(kind.step, x.size(), "step");
  rule.at_least(kind.size, 0, "size");
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    if (kind.step[axis] == 0) rule.refuse(fmt::format("step 0 on axis {}", axis));
    if (kind.size[axis] == 0) continue;
    std::int64_t last =
        checked_add(kind.start[axis],
                    checked_multiply(kind.size[axis] - 1, kind.step[axis], rule.place), rule.place);
    if (std::min(kind.start[axis], last) < 0 || std::max(kind.start[axis], last) >= x[axis])
      rule.refuse(fmt::format("elements {} to {} of axis {}, which has size {}", kind.start[axis],
                              last, axis, x[axis]));
  }
  return {{rule.operands[0].dtype, kind.size}};
}

Types check(const ShapeRule& rule, const kind::Concat& kind) {
  rule.count(1, std::numeric_limits<int>::max());
  rule.same_dtype();
  rule.axis(kind.axis, rule.shape(0).size());
  auto axis = static_cast<std::size_t>(kind.axis);
  Shape shape = rule.shape(0);
  for (std::size_t i = 1; i < rule.operands.size(); ++i) {
    Shape wanted = rule.shape(0);
    if (rule.shape(i).size() == wanted.size()) wanted[axis] = rule.shape(i)[axis];
    rule.shape(i, wanted);
    shape[axis] = checked_add(shape[axis], rule.shape(i)[axis], rule.place);
  }
  return {{rule.operands[0].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Pad& kind) {
  rule.count(1, 1);
  const Shape& x = rule.shape(0);
  rule.length(kind.low, x.size(), "low");
  rule.length(kind.high, x.size(), "high");
  rule.length(kind.interior, x.size(), "interior");
  rule.at_least(kind.interior, 0, "interior");
  Shape shape;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    std::int64_t low = kind.low[axis], high = kind.high[axis],
                 gaps = std::max<std::int64_t>(x[axis] - 1, 0);
    if (kind.mode != kind::PadMode::constant && kind.interior[axis] != 0)
      rule.refuse(
          fmt::format("interior padding {} with a mode other than constant", kind.interior[axis]));
    std::int64_t spread =
        checked_add(x[axis], checked_multiply(gaps, kind.interior[axis], rule.place), rule.place);
    if (low < -spread || high < -spread)
      rule.refuse(fmt::format("padding {} and {} crops more than the {} elements of axis {}", low,
                              high, spread, axis));
    if (kind.mode == kind::PadMode::edge && x[axis] == 0 && (low > 0 || high > 0))
      rule.refuse(fmt::format("axis {} has no edge to repeat", axis));
    if (kind.mode == kind::PadMode::reflect && (low > gaps || high > gaps))
      rule.refuse(fmt::format("reflect padding {} and {} of axis {}, which has size {}", low, high,
                              axis, x[axis]));
    shape.push_back(checked_add(checked_add(spread, low, rule.place), high, rule.place));
    if (shape.back() < 0)
      rule.refuse(fmt::format("axis {} would have size {}", axis, shape.back()));
  }
  return {{rule.operands[0].dtype, shape}};
}

Types check(const ShapeRule& rule, const kind::Window& kind) {
  rule.count(1, 1);
  Shape shape = rule.shape(0);
  kind::Axes sorted = kind.axes;
  std::sort(sorted.begin(), sorted.end());
  rule.axes(sorted, shape.size());
  rule.length(kind.size, kind.axes.size(), "size");
  rule.length(kind.stride, kind.axes.size(), "stride");
  rule.length(kind.dilation, kind.axes.size(), "dilation");
  rule.at_least(kind.size, 1, "size");
  rule.at_least(kind.stride, 1, "stride");
  rule.at_least(kind.dilation, 1, "dilation");
  for (std::size_t i = 0; i < kind.axes.size(); ++i) {
    std::int64_t& size = shape[kind.axes[i]];
    std::int64_t count = window_count(size, 0, 0, kind.size[i], kind.stride[i], kind.dilation[i]);
    if (count < 1)
      rule.refuse(fmt::format("a window of {} (dilation {}) on axis {}, which has size {}",
                              kind.size[i], kind.dilation[i], kind.axes[i], size));
    size = count;
  }
  shape.insert(shape.end(), kind.size.begin(), kind.size.end());
  return {{rule.operands[0].dtype, shape}};
}

Types check(const ShapeRule&, const kind::Opaque& kind) { return kind.results; }

}  // namespace pliant::shape_check
