#include "models/language/files/mlx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"

namespace pliant::mlx {
namespace {

// The grid of one group: value = scale * code + bias. The end of the range that is farther from
// zero lies on the grid, and so does zero.
struct Grid {
  float scale = 0, bias = 0;
};

Grid grid_of(std::span<const float> values, int bits) {
  const auto [low, high] = std::ranges::minmax(values);
  const auto steps = static_cast<float>((1 << bits) - 1);
  const bool low_is_far = std::abs(low) > std::abs(high);
  const float step = std::max((high - low) / steps, 1e-7F), scale = low_is_far ? step : -step;
  const float edge = low_is_far ? low : high, at_edge = std::nearbyint(edge / scale);
  return at_edge == 0 ? Grid{scale, 0} : Grid{edge / at_edge, edge};
}

[[noreturn]] void fail(std::string_view place, const std::string& name, std::string problem,
                       ErrorKind kind = ErrorKind::invalid) {
  throw Error(kind, std::string(place), fmt::format("'{}' {}", name, problem));
}

Tensor decoded(const Stored& codes, const Stored& scales, const Stored& biases, std::int64_t group,
               const std::string& name, std::string_view place) {
  const Shape &packed = codes.type.shape, &groups = scales.type.shape;
  if (packed.size() != 2 || groups.size() != 2 || biases.type != scales.type ||
      packed[0] != groups[0] || groups[1] < 1 || packed[1] < 1 ||
      groups[1] > (std::int64_t{1} << 40) / group)
    fail(place, name,
         fmt::format("is {}, its scales are {}, its biases {}", to_string(codes.type),
                     to_string(scales.type), to_string(biases.type)));
  if (!is_float(scales.type.dtype))
    fail(place, name, fmt::format("has scales of type {}", to_string(scales.type)));
  const std::int64_t columns = groups[1] * group, bits = 32 * packed[1] / columns;
  if (bits * columns != 32 * packed[1] || (bits != 2 && bits != 4 && bits != 8))
    fail(place, name,
         fmt::format("has {} words for {} columns; 2, 4 and 8 bits are read", packed[1], columns),
         ErrorKind::unsupported);
  const Tensor code = decode(codes), scale = decode(scales), bias = decode(biases);
  Tensor result({DType::f32, {packed[0], columns}});
  const std::int64_t per_word = 32 / bits;
  const std::uint32_t mask = (1U << bits) - 1;
  for (std::int64_t i = 0; i < packed[0] * columns; ++i) {
    const std::uint32_t word = code.span<std::uint32_t>()[i / per_word];
    const auto q = static_cast<float>(word >> (i % per_word * bits) & mask);
    const std::int64_t of = i / group;
    result.view().as<float>()[i] =
        static_cast<float>(get(scale.view(), of)) * q + static_cast<float>(get(bias.view(), of));
  }
  return result;
}

}  // namespace

Quantized quantize(const TensorView& values, int bits, std::int64_t group) {
  const std::int64_t rows = values.type.shape[0], columns = values.type.shape[1],
                     per_word = 32 / bits;
  Quantized result{Tensor({DType::u32, {rows, columns / per_word}}),
                   Tensor({DType::f32, {rows, columns / group}}),
                   Tensor({DType::f32, {rows, columns / group}})};
  const auto steps = static_cast<float>((1 << bits) - 1);
  for (std::int64_t first = 0; first < rows * columns; first += group) {
    const auto each = values.span<float>().subspan(first, group);
    const Grid grid = grid_of(each, bits);
    result.scales.view().as<float>()[first / group] = grid.scale;
    result.biases.view().as<float>()[first / group] = grid.bias;
    for (std::int64_t i = 0; i < group; ++i) {
      const float code =
          std::clamp(std::nearbyint((each[i] - grid.bias) / grid.scale), 0.0F, steps);
      result.codes.view().as<std::uint32_t>()[(first + i) / per_word] |=
          static_cast<std::uint32_t>(code) << ((first + i) % per_word * bits);
    }
  }
  return result;
}

WeightStore dequantized(const WeightStore& tensors, std::int64_t group, std::string_view place) {
  if (group < 1 || group > 1 << 16)
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("quantisation in groups of {}", group));
  WeightStore result;
  const auto other = [](const std::string& name, std::string_view suffix) {
    return name.substr(0, name.rfind('.')) + std::string(suffix);
  };
  tensors.for_each([&](const std::string& name, const Stored& stored) {
    const Stored* scales = tensors.find(other(name, ".scales"));
    const Stored* biases = tensors.find(other(name, ".biases"));
    const bool quantized = scales != nullptr && biases != nullptr;
    if (quantized && (name.ends_with(".scales") || name.ends_with(".biases"))) return;
    if (quantized && name.ends_with(".weight") && stored.type.dtype == DType::u32)
      result.add(name, decoded(stored, *scales, *biases, group, name, place));
    else result.add(name, stored, tensors.owner(name));
  });
  return result;
}

}  // namespace pliant::mlx
