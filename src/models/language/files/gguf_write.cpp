// Configs as GGUF metadata.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/language/files/convert.h"
#include "models/language/files/layout.h"

namespace pliant {
namespace {

class Writer {
 public:
  explicit Writer(const LanguageConfig& config) : c_(config), architecture_(name(config.family)) {}

  std::vector<std::pair<std::string, GgufValue>> write() {
    metadata_.emplace_back("general.architecture", architecture_);
    put("vocab_size", count(c_.vocabulary));
    put("context_length", count(c_.context));
    put("embedding_length", count(c_.width));
    put("block_count", count(std::ssize(c_.layers)));
    put_per_layer("feed_forward_length", &LayerConfig::ffn);
    put_per_layer("attention.head_count", &LayerConfig::heads);
    put_per_layer("attention.head_count_kv", &LayerConfig::kv_heads);
    put("attention.key_length", count(c_.head_width));
    put("attention.value_length", count(c_.head_width));
    const bool layer_norm = c_.norm == NormKind::layer;
    put(layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
        real(c_.norm_eps));
    if (!c_.learned_positions) rotary();
    special();
    return std::move(metadata_);
  }

 private:
  static std::uint32_t count(std::int64_t value) { return static_cast<std::uint32_t>(value); }
  static float real(double value) { return static_cast<float>(value); }
  void put(std::string_view key, GgufValue value) {
    metadata_.emplace_back(fmt::format("{}.{}", architecture_, key), std::move(value));
  }

  // One number when all layers agree, which is what most readers know, else an array.
  void put_per_layer(std::string_view key, std::int64_t LayerConfig::*field) {
    std::vector<std::int32_t> values;
    for (const LayerConfig& layer : c_.layers)
      values.push_back(static_cast<std::int32_t>(layer.*field));
    const bool alike =
        std::ranges::all_of(values, [&](std::int32_t value) { return value == values[0]; });
    if (alike && c_.family != Family::openelm) put(key, static_cast<std::uint32_t>(values[0]));
    else put(key, GgufArray{std::move(values)});
  }

  void rotary() {
    put("rope.dimension_count", count(c_.rotary_width == 0 ? c_.head_width : c_.rotary_width));
    put("rope.freq_base", real(c_.rotary_base));
    if (!c_.rotary_short_factors.empty()) {
      put("rope.scaling.type", std::string("longrope"));
      put("rope.scaling.original_context_length", count(c_.rotary_short_context));
      put("rope.scaling.attn_factor", real(c_.rotary_magnitude));
    } else if (c_.rotary_scaling != 1) {
      put("rope.scaling.type", std::string("linear"));
      put("rope.scaling.factor", real(1 / c_.rotary_scaling));
    }
  }

  void special() {
    std::int64_t window = 0;
    for (const LayerConfig& layer : c_.layers) window = std::max(window, layer.window);
    if (window > 0) put("attention.sliding_window", count(window));
    if (c_.attention_cap > 0) put("attn_logit_softcapping", real(c_.attention_cap));
    if (c_.logit_cap > 0) put("final_logit_softcapping", real(c_.logit_cap));
    if (c_.family == Family::gemma2) {
      const bool largest = c_.layers.size() == 46;
      const std::int64_t scaled = largest ? c_.width / c_.layers[0].heads : c_.head_width;
      if (std::abs(c_.attention_scale - 1 / std::sqrt(scaled)) > 1e-9)
        put("attention.scale", real(c_.attention_scale));
    }
    if (std::ranges::any_of(c_.layers,
                            [](const LayerConfig& layer) { return layer.weights_of != -1; })) {
      std::vector<std::int32_t> owners;
      for (const LayerConfig& layer : c_.layers) owners.push_back(layer.weights_of);
      metadata_.emplace_back("pliant.weights_of", GgufArray{std::move(owners)});
    }
  }

  const LanguageConfig& c_;
  std::string architecture_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
};

}  // namespace

std::vector<std::pair<std::string, GgufValue>> config_to_gguf(const LanguageConfig& config) {
  return Writer(config).write();
}

}  // namespace pliant
