// Operators that move elements and compute nothing.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/checked.h"
#include "formats/onnx/rules/build.h"
#include "graph/shapes/rules.h"

namespace pliant::onnx {

namespace {
namespace layout {

ValueId shaped(Call& c, ValueId x, const Shape& shape) {
  return c.b.shape(x) == shape ? x : c.b.reshape(x, shape);
}

Results reshape(Call& c) {
  Shape shape =
      c.has(1) ? c.known_integers(1, "the new shape") : c.integers("shape").value_or(Integers{});
  const bool zero_stays = c.integer("allowzero", 0) != 0;
  int unknown = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < -1)
      c.fail(fmt::format("size {} in the new shape {}", shape[i], to_string(shape)));
    unknown += shape[i] == -1;
    if (shape[i] != 0 || zero_stays) continue;
    if (i >= c.shape(0).size())
      c.fail(fmt::format("size {} is to be copied from a tensor of rank {}", i, c.rank(0)));
    shape[i] = c.shape(0)[i];
  }
  if (unknown > 1) c.fail("two unknown sizes in the new shape " + to_string(shape));
  return {unknown == 0 ? shaped(c, c.in(0), shape) : c.b.reshape(c.in(0), shape)};
}

Results flatten(Call& c) {
  const std::int64_t wanted = c.integer("axis", 1);
  const int axis = wanted == c.rank(0) ? c.rank(0) : c.axis(wanted, c.rank(0));
  const Shape& x = c.shape(0);
  return {shaped(
      c, c.in(0),
      {elements(Shape(x.begin(), x.begin() + axis)), elements(Shape(x.begin() + axis, x.end()))})};
}

Integers axes_operand(Call& c) {
  if (c.has(1)) return c.known_integers(1, "the list of axes");
  return c.integers("axes").value_or(Integers{});
}

Results squeeze(Call& c) {
  const auto axes = c.axes(axes_operand(c), c.rank(0));
  Shape shape;
  for (int i = 0; i < c.rank(0); ++i) {
    const std::int64_t size = c.shape(0)[i];
    const bool named = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (named && size != 1) c.fail(fmt::format("axis {} of {} is not 1", i, to_string(c.shape(0))));
    if (axes.empty() ? size != 1 : !named) shape.push_back(size);
  }
  return {shaped(c, c.in(0), shape)};
}

Results unsqueeze(Call& c) {
  const Integers wanted = axes_operand(c);
  const auto axes = c.axes(wanted, c.rank(0) + wanted.size());
  Shape shape = c.shape(0);
  for (int axis : axes) shape.insert(shape.begin() + axis, 1);
  return {shaped(c, c.in(0), shape)};
}

Results expand(Call& c) {
  const Shape wanted = c.known_integers(1, "the new shape");
  elements(wanted);  // throws on negative sizes
  return {expand_to(c.b, c.in(0), broadcast(c.shape(0), wanted, c.place()))};
}

Results tile(Call& c) {
  const Integers repeats = c.known_integers(1, "the repeats");
  if (repeats.size() != c.shape(0).size())
    c.fail(fmt::format("{} repeats for {}", repeats.size(), to_string(c.shape(0))));
  Shape apart, repeated, result;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const std::int64_t size = c.shape(0)[i];
    if (repeats[i] < 0) c.fail(fmt::format("repeats {}", repeats[i]));
    if (repeats[i] != 1) apart.push_back(1), repeated.push_back(repeats[i]);
    apart.push_back(size), repeated.push_back(size);
    result.push_back(checked_multiply(size, repeats[i], c.place()));
  }
  if (apart == repeated) return {c.in(0)};
  return {shaped(c, expand_to(c.b, shaped(c, c.in(0), apart), repeated), result)};
}

Results transpose(Call& c) {
  Integers wanted = c.integers("perm").value_or(Integers{});
  if (!c.attribute("perm"))
    for (int i = c.rank(0); i-- > 0;) wanted.push_back(i);
  if (static_cast<int>(wanted.size()) != c.rank(0)) c.fail("perm has the wrong length");
  c.axes(wanted, c.rank(0));  // distinct
  std::vector<int> permutation;
  for (auto each : wanted) permutation.push_back(c.axis(each, c.rank(0)));
  if (std::is_sorted(permutation.begin(), permutation.end())) return {c.in(0)};
  return {c.b.transpose(c.in(0), permutation)};
}

Results concat(Call& c) {
  std::vector<ValueId> parts;
  for (int i = 0; i < c.operands(); ++i) parts.push_back(c.in(i));
  const int axis = c.axis(c.integer("axis", 1), c.rank(0));
  return {parts.size() == 1 ? parts[0] : c.b.concat(parts, axis)};
}

Integers split_sizes(Call& c, std::int64_t size) {
  if (c.has(1)) return c.known_integers(1, "the sizes of the parts");
  if (auto given = c.integers("split")) return *given;
  const auto parts = std::ssize(c.node.out);
  if (parts == 0) c.fail("has no results");
  const std::int64_t each = ceil_div(size, parts);
  Integers sizes(parts, each);
  sizes.back() = size - each * (parts - 1);
  return sizes;
}

Results split(Call& c) {
  const int axis = c.axis(c.integer("axis", 0), c.rank(0));
  const Integers sizes = split_sizes(c, c.shape(0)[axis]);
  if (sizes.size() < c.node.out.size())
    c.fail(fmt::format("{} sizes for {} parts", sizes.size(), c.node.out.size()));
  Results parts;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < c.node.out.size(); ++i) {
    parts.emplace_back(c.b.slice(c.in(0), axis, start, sizes[i]));
    start = checked_add(start, sizes[i], c.place());
  }
  return parts;
}

struct SliceSpec {
  Integers starts, ends, axes, steps;
};

SliceSpec slice_spec(Call& c) {
  SliceSpec spec;
  if (c.opset < 10) {
    spec.starts = c.integers("starts").value_or(Integers{}),
    spec.ends = c.integers("ends").value_or(Integers{});
    spec.axes = c.integers("axes").value_or(Integers{});
  } else {
    spec.starts = c.known_integers(1, "the start"), spec.ends = c.known_integers(2, "the end");
    if (c.has(3)) spec.axes = c.known_integers(3, "the list of axes");
    if (c.has(4)) spec.steps = c.known_integers(4, "the step");
  }
  if (spec.axes.empty())
    for (std::size_t i = 0; i < spec.starts.size(); ++i) spec.axes.push_back(i);
  if (spec.steps.empty()) spec.steps.assign(spec.starts.size(), 1);
  const std::size_t count = spec.starts.size();
  if (spec.ends.size() != count || spec.axes.size() != count || spec.steps.size() != count)
    c.fail("starts, ends, axes and steps differ in length");
  return spec;
}

Results slice(Call& c) {
  const SliceSpec spec = slice_spec(c);
  c.axes(spec.axes, c.rank(0));  // distinct
  kind::Slice kind{Integers(c.shape(0).size(), 0), c.shape(0), Integers(c.shape(0).size(), 1)};
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    const std::size_t at = c.axis(spec.axes[i], c.rank(0));
    const std::int64_t size = c.shape(0)[at], step = spec.steps[i];
    if (step == 0 || step == std::numeric_limits<std::int64_t>::min())
      c.fail(fmt::format("step {}", step));
    const auto place = [&](std::int64_t value, std::int64_t low, std::int64_t high) {
      return std::clamp(value < 0 ? value + size : value, low, high);
    };
    const std::int64_t start =
        step > 0 ? place(spec.starts[i], 0, size) : place(spec.starts[i], -1, size - 1);
    const std::int64_t end =
        step > 0 ? place(spec.ends[i], 0, size) : place(spec.ends[i], -1, size - 1);
    const std::int64_t distance = step > 0 ? end - start : start - end,
                       stride = step > 0 ? step : -step;
    kind.size[at] = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    kind.start[at] = kind.size[at] == 0 ? 0 : start;
    kind.step[at] = kind.size[at] <= 1 ? 1 : step;
  }
  if (kind.size == c.shape(0) &&
      std::all_of(kind.step.begin(), kind.step.end(), [](auto s) { return s > 0; }))
    return {c.in(0)};
  return {c.b.slice(c.in(0), kind)};
}

// Periodic padding by joining the axis with its own ends.
ValueId wrapped(Call& c, ValueId x, const Integers& low, const Integers& high) {
  for (std::size_t i = 0; i < low.size(); ++i) {
    const int axis = i;
    const std::int64_t size = c.b.shape(x)[i];
    if (low[i] > size || high[i] > size || low[i] < 0 || high[i] < 0)
      throw NotMapped{"wraps around more than once"};
    std::vector<ValueId> parts;
    if (low[i] > 0) parts.push_back(c.b.slice(x, axis, size - low[i], low[i]));
    parts.push_back(x);
    if (high[i] > 0) parts.push_back(c.b.slice(x, axis, 0, high[i]));
    if (parts.size() > 1) x = c.b.concat(parts, axis);
  }
  return x;
}

void read_pads(Call& c, kind::Pad& kind) {
  const std::size_t rank = c.shape(0).size();
  kind.low.assign(rank, 0), kind.high = kind.interior = kind.low;
  const Integers pads =
      c.opset < 11 ? c.integers("pads").value_or(Integers{}) : c.known_integers(1, "the padding");
  Integers axes;
  if (c.has(3)) {
    axes = c.known_integers(3, "the list of axes");
    c.axes(axes, c.rank(0));
  } else {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads.size() != 2 * axes.size())
    c.fail(fmt::format("{} pads for {} axes", pads.size(), axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t at = c.axis(axes[i], c.rank(0));
    kind.low[at] = pads[i], kind.high[at] = pads[i + axes.size()];
  }
}

Results pad(Call& c) {
  kind::Pad kind;
  read_pads(c, kind);
  const std::string mode = c.text("mode", "constant");
  if (mode == "wrap") return {wrapped(c, c.in(0), kind.low, kind.high)};
  if (mode != "constant" && mode != "edge" && mode != "reflect") c.fail("mode is '" + mode + "'");
  kind.mode = mode == "edge"      ? kind::PadMode::edge
              : mode == "reflect" ? kind::PadMode::reflect
                                  : kind::PadMode::constant;
  kind.value = c.opset < 11 ? c.real("value", 0) : 0;
  if (c.opset >= 11 && c.has(2) && kind.mode == kind::PadMode::constant) {
    const auto values = c.known_reals(2, "the value");
    if (values.size() != 1) c.fail("the value is no scalar");
    kind.value = values[0];
  }
  const auto none = [](auto size) { return size == 0; };
  if (std::all_of(kind.low.begin(), kind.low.end(), none) &&
      std::all_of(kind.high.begin(), kind.high.end(), none))
    return {c.in(0)};
  return {c.b.pad(c.in(0), kind)};
}

struct Blocks {
  std::int64_t n, channels, height, width, block;
};

Blocks blocks_of(Call& c, bool to_space) {
  if (c.rank(0) != 4) c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,H,W] expected");
  const Shape& x = c.shape(0);
  const std::int64_t block = c.integer("blocksize", 0);
  if (block < 1 || block > 65536) c.fail(fmt::format("blocksize {}", block));
  const bool fits = to_space ? x[1] % (block * block) == 0 : x[2] % block == 0 && x[3] % block == 0;
  if (!fits) c.fail(fmt::format("blocksize {} and {}", block, to_string(x)));
  return {x[0], x[1], x[2], x[3], block};
}

Results depth_to_space(Call& c) {
  const auto [n, channels, height, width, s] = blocks_of(c, true);
  const std::int64_t depth = channels / (s * s);
  const bool by_column = c.text("mode", "DCR") == "CRD";
  const ValueId apart = by_column ? c.b.reshape(c.in(0), {n, depth, s, s, height, width})
                                  : c.b.reshape(c.in(0), {n, s, s, depth, height, width});
  const ValueId moved = c.b.einsum(by_column ? "ncabhw->nchawb" : "nabchw->nchawb", {apart});
  return {c.b.reshape(moved, {n, depth, checked_multiply(height, s, c.place()),
                              checked_multiply(width, s, c.place())})};
}

Results space_to_depth(Call& c) {
  const auto [n, channels, height, width, s] = blocks_of(c, false);
  const ValueId apart = c.b.reshape(c.in(0), {n, channels, height / s, s, width / s, s});
  return {c.b.reshape(c.b.einsum("nchawb->nabchw", {apart}),
                      {n, checked_multiply(channels, s * s, c.place()), height / s, width / s})};
}

constexpr RuleEntry rules[] = {
    {"Concat", concat},
    {"DepthToSpace", depth_to_space},
    {"Expand", expand},
    {"Flatten", flatten},
    {"Pad", pad},
    {"Reshape", reshape},
    {"Slice", slice},
    {"SpaceToDepth", space_to_depth},
    {"Split", split},
    {"Squeeze", squeeze},
    {"Tile", tile},
    {"Transpose", transpose},
    {"Unsqueeze", unsqueeze},
};

}  // namespace layout
}  // namespace

std::span<const RuleEntry> layout_rules() { return layout::rules; }

}  // namespace pliant::onnx
