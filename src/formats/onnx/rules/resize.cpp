// Resize and Upsample with sizes known at import: along each axis a gather (nearest) or a matrix
// (linear, cubic).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace resizing {

struct Axis {
  int axis = 0;
  std::int64_t in = 0, out = 0;
  double scale = 1;
  double low = 0, high = 1;  // region, for tf_crop_and_resize
};

struct Method {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, extrapolation = 0;
  bool exclude_outside = false, antialias = false;
};

// Position in the source of element i of the result (ONNX, operator Resize,
// coordinate_transformation_mode). The length of the result in these formulas is the scaled one,
// before it is rounded down.
double source_position(const Call& c, const Axis& a, const std::string& how, double i) {
  const double in = a.in, out = a.out, real_out = in * a.scale;
  if (how == "half_pixel") return (i + 0.5) / a.scale - 0.5;
  if (how == "half_pixel_symmetric")
    return in / 2 * (1 - out / real_out) + (i + 0.5) / a.scale - 0.5;
  if (how == "pytorch_half_pixel") return a.out > 1 ? (i + 0.5) / a.scale - 0.5 : 0;
  if (how == "asymmetric") return i / a.scale;
  if (how == "align_corners") return real_out > 1 ? i * (in - 1) / (real_out - 1) : 0;
  if (how == "tf_half_pixel_for_nn") return (i + 0.5) / a.scale;
  if (how == "tf_crop_and_resize")
    return a.out > 1 ? a.low * (in - 1) + i * (a.high - a.low) * (in - 1) / (out - 1)
                     : 0.5 * (a.low + a.high) * (in - 1);
  c.fail("coordinate_transformation_mode is '" + how + "'");
}

double nearest_index(const Call& c, const std::string& how, double position) {
  if (how == "round_prefer_floor") return std::ceil(position - 0.5);
  if (how == "round_prefer_ceil") return std::floor(position + 0.5);
  if (how == "floor") return std::floor(position);
  if (how == "ceil") return std::ceil(position);
  c.fail("nearest_mode is '" + how + "'");
}

double cubic_weight(double distance, double a) {  // Keys' kernel
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

double kernel(const Method& m, double distance) {
  return m.mode == "cubic" ? cubic_weight(distance, m.cubic)
                           : std::max(0.0, 1 - std::abs(distance));
}

// One row of the matrix: weights of the source elements for result element i.
void fill_row(const Call& c, const Axis& a, const Method& m, std::int64_t i,
              std::vector<double>& row) {
  const double at = source_position(c, a, m.coordinates, i);
  const double last = a.in - 1;
  std::fill(row.begin(), row.end(), 0);
  if (m.coordinates == "tf_crop_and_resize" && (at < 0 || at > last)) return;  // extrapolated
  const double stretch = m.antialias ? std::max(1.0, 1 / a.scale) : 1,
               support = (m.mode == "cubic" ? 2 : 1) * stretch;
  const auto from = static_cast<std::int64_t>(std::floor(at - support)),
             to = static_cast<std::int64_t>(std::ceil(at + support));
  double sum = 0;
  for (std::int64_t k = from; k <= to; ++k) {
    const bool outside = k < 0 || k >= a.in;
    if (outside && (m.exclude_outside || m.antialias)) continue;
    const double weight = kernel(m, (k - at) / stretch);
    row[std::clamp<std::int64_t>(k, 0, a.in - 1)] += weight;
    sum += weight;
  }
  if (sum != 0)
    for (double& weight : row) weight /= sum;
}

ValueId by_matrix(Call& c, ValueId x, const Axis& a, const Method& m) {
  const TensorType type{c.b.type(x).dtype, {a.out, a.in}};
  c.check_size(type);
  Tensor matrix(type);
  std::vector<double> row(a.in);
  for (std::int64_t i = 0; i < a.out; ++i) {
    fill_row(c, a, m, i, row);
    for (std::int64_t k = 0; k < a.in; ++k) set(matrix.view(), i * a.in + k, row[k]);
  }
  std::string from;
  for (std::size_t i = 0; i < c.b.shape(x).size(); ++i) from += static_cast<char>('a' + i);
  std::string to = from;
  to[a.axis] = 'z';
  const std::string notation = fmt::format("{},z{}->{}", from, from[a.axis], to);
  return c.b.einsum(notation, {x, c.b.constant(std::move(matrix))});
}

ValueId by_index(Call& c, ValueId x, const Axis& a, const Method& m) {
  c.check_size({DType::i64, {a.out}});
  Integers index;
  for (std::int64_t i = 0; i < a.out; ++i) {
    const double at = nearest_index(c, m.nearest, source_position(c, a, m.coordinates, i));
    index.push_back(static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(a.in - 1))));
  }
  return c.b.gather(x, constant_integers(c.b, index), a.axis);
}

// Result elements outside the region take the extrapolation value.
ValueId extrapolated(Call& c, ValueId y, const Axis& a, const Method& m) {
  Tensor inside({DType::boolean, {a.out}});
  bool any = false;
  for (std::int64_t i = 0; i < a.out; ++i) {
    const double at = source_position(c, a, m.coordinates, i);
    const bool in = at >= 0 && at <= a.in - 1;
    set_int(inside.view(), i, in);
    any = any || !in;
  }
  if (!any) return y;
  const ValueId mask =
      along_axis(c.b, c.b.constant(std::move(inside)), a.axis, c.b.shape(y).size());
  return c.b.map(select(argument(1), argument(0), constant(m.extrapolation)), {y, mask},
                 c.b.type(y).dtype);
}

ValueId resized(Call& c, const std::vector<Axis>& axes, const Method& m) {
  if (m.mode != "nearest" && m.mode != "linear" && m.mode != "cubic")
    c.fail("mode is '" + m.mode + "'");
  ValueId y = c.in(0);
  const bool crops = m.coordinates == "tf_crop_and_resize";
  for (const Axis& a : axes) {
    if (a.out < 0 || a.in < 1) c.fail(fmt::format("axis {} from {} to {}", a.axis, a.in, a.out));
    if (a.in == a.out && a.scale == 1 && !crops) continue;
    y = m.mode == "nearest" ? by_index(c, y, a, m) : by_matrix(c, y, a, m);
  }
  if (crops)
    for (const Axis& a : axes) y = extrapolated(c, y, a, m);
  return y;
}

std::vector<Axis> scaled_axes(Call& c, const std::vector<double>& scales, const Integers& which) {
  if (scales.size() != which.size())
    c.fail(fmt::format("{} scales for {} axes", scales.size(), which.size()));
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const int axis = c.axis(which[i], c.rank(0));
    const std::int64_t size = c.shape(0)[axis];
    const double out = std::floor(size * scales[i]);
    if (!(scales[i] > 0) || out > 1e9) c.fail(fmt::format("scale {}", scales[i]));
    axes.push_back({axis, size, static_cast<std::int64_t>(out), scales[i]});
  }
  return axes;
}

std::vector<Axis> sized_axes(Call& c, const Integers& sizes, const Integers& which) {
  if (sizes.size() != which.size())
    c.fail(fmt::format("{} sizes for {} axes", sizes.size(), which.size()));
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const int axis = c.axis(which[i], c.rank(0));
    const std::int64_t size = c.shape(0)[axis];
    if (sizes[i] < 0 || sizes[i] > 1'000'000'000) c.fail(fmt::format("size {}", sizes[i]));
    axes.push_back(
        {axis, size, sizes[i], static_cast<double>(sizes[i]) / std::max<std::int64_t>(size, 1)});
  }
  return axes;
}

// not_larger and not_smaller scale all axes alike
void keep_aspect(Call& c, std::vector<Axis>& axes) {
  const std::string policy = c.text("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch" || axes.empty()) return;
  double scale = axes[0].scale;
  for (const Axis& a : axes)
    scale = policy == "not_larger" ? std::min(scale, a.scale) : std::max(scale, a.scale);
  for (Axis& a : axes) {
    a.scale = scale;
    a.out = static_cast<std::int64_t>(std::floor(a.in * scale + 0.5));
  }
}

void read_region(Call& c, std::vector<Axis>& axes) {
  const auto region = c.known_reals(1, "the region");
  if (region.size() != 2 * axes.size())
    c.fail(fmt::format("a region of {} numbers", region.size()));
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i].low = region[i], axes[i].high = region[i + axes.size()];
}

Integers wanted_axes(const Call& c) {
  if (auto given = c.integers("axes")) return *given;
  Integers all;
  for (int i = 0; i < c.rank(0); ++i) all.push_back(i);
  return all;
}

Results resize(Call& c) {
  if (c.opset < 11) {
    Method old{c.text("mode", "nearest"), "asymmetric", "floor"};
    return {resized(c, scaled_axes(c, c.known_reals(1, "the scales"), wanted_axes(c)), old)};
  }
  Method method{c.text("mode", "nearest"), c.text("coordinate_transformation_mode", "half_pixel"),
                c.text("nearest_mode", "round_prefer_floor")};
  method.cubic = c.real("cubic_coeff_a", -0.75),
  method.extrapolation = c.real("extrapolation_value", 0);
  method.exclude_outside = c.integer("exclude_outside", 0) != 0,
  method.antialias = c.integer("antialias", 0) != 0;
  const bool by_size = c.has(3) && elements(c.shape(3)) > 0;
  auto axes = by_size ? sized_axes(c, c.known_integers(3, "the sizes"), wanted_axes(c))
                      : scaled_axes(c, c.known_reals(2, "the scales"), wanted_axes(c));
  if (by_size) keep_aspect(c, axes);
  if (method.coordinates == "tf_crop_and_resize") read_region(c, axes);
  return {resized(c, axes, method)};
}

Results upsample(Call& c) {
  Method method{c.text("mode", "nearest"), "asymmetric", "floor"};
  const NodeAttribute* given = c.attribute("scales");
  const auto scales = given ? given->reals : c.known_reals(1, "the scales");
  return {resized(c, scaled_axes(c, scales, wanted_axes(c)), method)};
}

constexpr RuleEntry rules[] = {{"Resize", resize}, {"Upsample", upsample}};

}  // namespace resizing
}  // namespace

std::span<const RuleEntry> resize_rules() { return resizing::rules; }

}  // namespace pliant::onnx
