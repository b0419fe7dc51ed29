#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "graph/blocks.h"

namespace pliant::blocks {
namespace {

double source_coordinate(std::int64_t i, std::int64_t in, std::int64_t out, double scale,
                         Coordinates coordinates) {
  auto x = static_cast<double>(i);
  switch (coordinates) {
    case Coordinates::half_pixel_or_zero:
      if (out <= 1) return 0;
      return (x + 0.5) / scale - 0.5;
    case Coordinates::half_pixel: return (x + 0.5) / scale - 0.5;
    case Coordinates::align_corners:
      return out <= 1 ? 0 : x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
    case Coordinates::asymmetric: return x / scale;
  }
  return x;
}

std::int64_t nearest_index(double x, std::int64_t in, Nearest nearest) {
  double rounded = nearest == Nearest::floor           ? std::floor(x)
                   : nearest == Nearest::ceil          ? std::ceil(x)
                   : nearest == Nearest::round_half_up ? std::floor(x + 0.5)
                                                       : std::ceil(x - 0.5);
  return static_cast<std::int64_t>(std::clamp(rounded, 0.0, static_cast<double>(in - 1)));
}

// Keys' cubic convolution kernel (1981), support 2.
double keys(double distance, double a) {
  double d = std::fabs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

ValueId resize_axis(Builder& b, ValueId x, std::size_t axis, std::int64_t out, double scale,
                    const Resize& options, std::string name) {
  std::int64_t in = b.shape(x)[axis];
  if (options.mode == Interpolation::nearest) {
    Tensor index({DType::i32, {out}});
    for (std::int64_t i = 0; i < out; ++i)
      index.span<std::int32_t>()[i] = static_cast<std::int32_t>(nearest_index(
          source_coordinate(i, in, out, scale, options.coordinates), in, options.nearest));
    return b.gather(x, b.constant(std::move(index), "resize.index"), static_cast<int>(axis), 0,
                    std::move(name));
  }
  Tensor matrix = resize_matrix(in, out, scale, options);
  if (b.type(x).dtype != DType::f32) {
    Tensor converted({b.type(x).dtype, matrix.type().shape});
    for (std::int64_t i = 0; i < in * out; ++i) set(converted.view(), i, get(matrix.view(), i));
    matrix = std::move(converted);
  }
  kind::Einsum einsum{{"", "zy"}, ""};
  for (std::size_t i = 0; i < b.shape(x).size(); ++i) {
    einsum.in[0] += i == axis ? 'y' : static_cast<char>('a' + i);
    einsum.out += i == axis ? 'z' : static_cast<char>('a' + i);
  }
  return b.add(einsum, {x, b.constant(std::move(matrix), "resize.matrix")}, std::move(name))[0];
}

}  // namespace

Tensor resize_matrix(std::int64_t in, std::int64_t out, double scale, const Resize& options) {
  Tensor matrix({DType::f32, {out, in}});
  auto cells = matrix.span<float>();
  bool cubic = options.mode == Interpolation::cubic;
  for (std::int64_t i = 0; i < out; ++i) {
    double x = source_coordinate(i, in, out, scale, options.coordinates), base = std::floor(x),
           total = 0;
    for (int pass = 0; pass < 2; ++pass)  // the weights' sum first
      for (int tap = cubic ? -1 : 0; tap <= (cubic ? 2 : 1); ++tap) {
        double at = base + tap,
               weight = cubic ? keys(x - at, options.cubic) : 1 - std::fabs(x - at);
        bool outside = at < 0 || at > static_cast<double>(in - 1);
        if (cubic && options.exclude_outside && outside) continue;
        if (pass == 0) {
          total += weight;
        } else {
          auto j = static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(in - 1)));
          cells[i * in + j] += static_cast<float>(weight / total);
        }
      }
  }
  return matrix;
}

ValueId resize(Builder& b, ValueId x, const Shape& sizes, const Resize& options, std::string name) {
  if (name.empty()) name = "resize";
  const Shape from = b.shape(x);
  auto refuse = [&](std::string problem) {
    throw Error(ErrorKind::invalid, name, std::move(problem));
  };
  if (sizes.size() != from.size() ||
      (!options.scales.empty() && options.scales.size() != from.size()))
    refuse(fmt::format("{} sizes and {} scales for {}", sizes.size(), options.scales.size(),
                       to_string(from)));
  std::vector<std::size_t> changed;
  std::vector<double> scales;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] < 1 || from[axis] < 1)
      refuse(fmt::format("from {} to {}", to_string(from), to_string(sizes)));
    scales.push_back(options.scales.empty()
                         ? static_cast<double>(sizes[axis]) / static_cast<double>(from[axis])
                         : options.scales[axis]);
    if (!(scales.back() > 0) || !std::isfinite(scales.back()))
      refuse(fmt::format("scale {}", scales.back()));
    if (sizes[axis] != from[axis] || scales.back() != 1) changed.push_back(axis);
  }
  if (changed.empty()) return b.map(argument(0), {x}, {}, name);
  for (std::size_t axis : changed)
    x = resize_axis(b, x, axis, sizes[axis], scales[axis], options,
                    axis == changed.back() ? name : fmt::format("{}.{}", name, axis));
  return x;
}

}  // namespace pliant::blocks
