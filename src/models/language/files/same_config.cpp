#include "models/language/files/same_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace pliant {
namespace {

// To a millionth: formats keep some numbers as reciprocals or squares.
bool same(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

}  // namespace

bool same_numbers(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, same);
}

void refuse_difference(const LanguageConfig& a, const LanguageConfig& b, std::string_view format) {
  const auto expect = [&](bool equal, std::string_view what) {
    if (!equal)
      throw Error(ErrorKind::unsupported, std::string(format),
                  fmt::format("the {} family has no place there for this model's {}",
                              name(a.family), what));
  };
  const auto scale = [](const LanguageConfig& c) {
    return c.attention_scale == 0 ? 1 / std::sqrt(c.head_width) : c.attention_scale;
  };
  expect(a.vocabulary == b.vocabulary && a.width == b.width && a.head_width == b.head_width &&
             a.context == b.context,
         "sizes");
  expect(a.layers.size() == b.layers.size(), "layers");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const LayerConfig &x = a.layers[i], &y = b.layers[i];
    expect(x.heads == y.heads && x.kv_heads == y.kv_heads && x.ffn == y.ffn,
           "layers of different widths");
    expect(x.window == y.window, "attention windows");
    expect(x.weights_of == y.weights_of, "shared layers");
  }
  expect(a.norm == b.norm && same(a.norm_eps, b.norm_eps) && a.norm_plus_one == b.norm_plus_one &&
             a.post_norms == b.post_norms && a.qk_norm == b.qk_norm,
         "norms");
  expect(a.qkv_bias == b.qkv_bias && a.output_bias == b.output_bias && a.ffn_bias == b.ffn_bias,
         "biases");
  expect(a.fused_qkv == b.fused_qkv && a.fused_gate_up == b.fused_gate_up, "fused weights");
  expect(a.gated == b.gated && a.activation == b.activation, "activation");
  expect(a.tied == b.tied, "head");
  expect(a.learned_positions == b.learned_positions && same(a.embedding_scale, b.embedding_scale),
         "embedding");
  expect(same(scale(a), scale(b)) && same(a.attention_cap, b.attention_cap) &&
             same(a.logit_cap, b.logit_cap),
         "scales and caps");
  if (a.learned_positions) return;
  expect(a.rotary_width == b.rotary_width && a.rotary_pairs == b.rotary_pairs &&
             same(a.rotary_base, b.rotary_base) && same(a.rotary_scaling, b.rotary_scaling) &&
             same_numbers(a.rotary_factors, b.rotary_factors) &&
             same(a.rotary_magnitude, b.rotary_magnitude) &&
             same_numbers(a.rotary_short_factors, b.rotary_short_factors) &&
             a.rotary_short_context == b.rotary_short_context,
         "rotation");
}

}  // namespace pliant
