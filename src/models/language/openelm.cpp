#include "models/language/openelm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ids.h"

namespace pliant::openelm {

std::int64_t make_divisible(double v, std::int64_t divisor) {
  const double step = divisor;
  if (divisor < 1 || divisor > 1 << 30 || !(v >= 0) || v > 1e12)
    throw Error(ErrorKind::invalid, "layer width", fmt::format("{} in steps of {}", v, divisor));
  const double half = divisor / 2;
  const double nearest = std::max(step, std::floor((v + half) / step) * step);
  return static_cast<std::int64_t>(nearest < 0.9 * v ? nearest + step : nearest);
}

// numpy's linspace: i * (last - first) / (count - 1) + first, the last point exact.
std::vector<double> multipliers(double first, double last, std::int64_t count) {
  std::vector<double> line;
  const double step = count > 1 ? (last - first) / (count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double v = i > 0 && i == count - 1 ? last : i * step + first;
    line.push_back(std::nearbyint(v * 100) / 100);
  }
  return line;
}

std::vector<LayerConfig> layers(const BlockSizes& shape, const std::vector<double>& qkv,
                                const std::vector<double>& ffn) {
  if (qkv.size() != ffn.size())
    throw Error(ErrorKind::invalid, "layer multipliers",
                fmt::format("{} for attention, {} for the FFN", qkv.size(), ffn.size()));
  if (shape.head_width < 1 || shape.groups < 1 || shape.head_width > 1 << 14 ||
      shape.groups > 1 << 14)
    throw Error(
        ErrorKind::invalid, "layer widths",
        fmt::format("head width {}, {} query heads per kv head", shape.head_width, shape.groups));
  const double width = shape.width;
  std::vector<LayerConfig> result;
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    LayerConfig layer;
    layer.heads =
        make_divisible(width * qkv[i], shape.head_width * shape.groups) / shape.head_width;
    layer.kv_heads = layer.heads / shape.groups;
    layer.ffn = make_divisible(width * ffn[i], shape.ffn_divisor);
    result.push_back(layer);
  }
  return result;
}

LanguageConfig config(Size size) {
  struct Row {
    std::int64_t layers, width, head_width;
  };
  constexpr ByEnum<Size, Row, 4> table{
      {{{16, 1280, 64}, {20, 1536, 64}, {28, 2048, 64}, {36, 3072, 128}}}};
  const Row& row = table[size];
  LanguageConfig config;
  config.family = Family::openelm;
  config.vocabulary = 32000;
  config.width = row.width;
  config.head_width = row.head_width;
  config.context = 2048;
  config.layers = layers({row.width, row.head_width, 4, 256}, multipliers(0.5, 1, row.layers),
                         multipliers(0.5, 4, row.layers));
  config.norm_eps = 1e-6;
  config.qk_norm = config.fused_qkv = config.tied = true;
  return config;
}

}  // namespace pliant::openelm
