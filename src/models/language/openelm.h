// OpenELM's layer-wise scaling (arXiv 2404.14619, section 2.1): the widths of a layer follow from
// its place.
#pragma once

#include <cstdint>
#include <vector>

#include "models/language/language.h"

namespace pliant::openelm {

// The multiple of `divisor` nearest to v (halves up), at least `divisor` and not below 0.9 v.
std::int64_t make_divisible(double v, std::int64_t divisor);

// `count` points of the straight line from `first` to `last`, each rounded to two decimals as numpy
// rounds doubles: nearbyint(100 v) / 100, half to even. Decimal-correct rounding differs (0.525 ->
// 0.52 here).
std::vector<double> multipliers(double first, double last, std::int64_t count);

// of the attention and FFN lines
struct BlockSizes {
  // groups: query heads per kv head
  std::int64_t width = 0, head_width = 0, groups = 1, ffn_divisor = 256;
};

std::vector<LayerConfig> layers(const BlockSizes& shape, const std::vector<double>& qkv,
                                const std::vector<double>& ffn);

enum class Size : std::uint8_t { m270, m450, b1_1, b3 };
LanguageConfig config(Size size);  // the released models: 32,000 tokens, context 2048, tied

}  // namespace pliant::openelm
