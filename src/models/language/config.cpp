#include <fmt/format.h>

#include <cmath>

#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "core/ids.h"
#include "models/language/weights.h"

namespace pliant {
namespace {

constexpr ByEnum<Family, std::string_view, 7> family_names{
    {{"openelm", "llama", "qwen2", "qwen3", "gemma2", "phi3", "gpt2"}}};

class Check {
 public:
  Check(const LanguageConfig& config, std::string_view place) : config_(config), place_(place) {}

  void run() const {
    size("vocabulary", config_.vocabulary, 1 << 24);
    size("width", config_.width, 1 << 20);
    size("head_width", config_.head_width, 1 << 14);
    size("context", config_.context, std::int64_t{1} << 30);
    size("layers", std::ssize(config_.layers), max_layers);
    for (std::size_t i = 0; i < config_.layers.size(); ++i) layer(i);
    numbers();
    rotary();
    if (config_.fused_gate_up && !config_.gated) fail("a fused gate without a gate");
    if (config_.post_norms && config_.norm != NormKind::rms)
      fail("norms after attention that are no RMS norms");
  }

 private:
  [[noreturn]] void fail(std::string problem) const {
    throw Error(ErrorKind::invalid, std::string(place_), std::move(problem));
  }

  void size(std::string_view what, std::int64_t value, std::int64_t most) const {
    if (value < 1 || value > most)
      fail(fmt::format("{} is {}, from 1 to {} expected", what, value, most));
  }

  void layer(std::size_t index) const {
    const LayerConfig& layer = config_.layers[index];
    const std::string prefix = fmt::format("layer {}: ", index);
    size(prefix + "heads", layer.heads, 1 << 14);
    size(prefix + "kv_heads", layer.kv_heads, 1 << 14);
    size(prefix + "ffn", layer.ffn, 1 << 24);
    if (layer.heads % layer.kv_heads != 0)
      fail(fmt::format("{}{} heads are no multiple of {} kv heads", prefix, layer.heads,
                       layer.kv_heads));
    if (layer.window < 0) fail(fmt::format("{}a window of {} positions", prefix, layer.window));
    if (layer.weights_of == -1) return;
    if (layer.weights_of < 0 || std::cmp_greater_equal(layer.weights_of, index))
      fail(fmt::format("{}shares the weights of layer {}, not an earlier one", prefix,
                       layer.weights_of));
    const LayerConfig& other = config_.layers[layer.weights_of];
    if (other.weights_of != -1)
      fail(fmt::format("{}shares the weights of layer {}, which has none of its own", prefix,
                       layer.weights_of));
    if (other.heads != layer.heads || other.kv_heads != layer.kv_heads || other.ffn != layer.ffn)
      fail(fmt::format("{}shares the weights of layer {}, whose sizes differ", prefix,
                       layer.weights_of));
  }

  void positive(std::string_view what, double value) const {
    if (!std::isfinite(value) || value <= 0)
      fail(fmt::format("{} is {}, a positive number expected", what, value));
  }
  void not_negative(std::string_view what, double value) const {
    if (!std::isfinite(value) || value < 0)
      fail(fmt::format("{} is {}, a number of at least 0 expected", what, value));
  }

  void numbers() const {
    positive("norm_eps", config_.norm_eps);
    positive("embedding_scale", config_.embedding_scale);
    not_negative("attention_scale", config_.attention_scale);
    not_negative("attention_cap", config_.attention_cap);
    not_negative("logit_cap", config_.logit_cap);
    positive("rotary_base", config_.rotary_base);
    positive("rotary_scaling", config_.rotary_scaling);
    positive("rotary_magnitude", config_.rotary_magnitude);
  }

  void rotary() const {
    if (config_.learned_positions) return;
    const std::int64_t width =
        config_.rotary_width == 0 ? config_.head_width : config_.rotary_width;
    if (width < 2 || width > config_.head_width || width % 2 != 0)
      fail(fmt::format("a rotation of {} of {} head dimensions", width, config_.head_width));
    for (const auto* factors : {&config_.rotary_factors, &config_.rotary_short_factors}) {
      if (!factors->empty() && std::cmp_not_equal(factors->size(), width / 2))
        fail(fmt::format("{} rotary factors, {} expected", factors->size(), width / 2));
      for (const double each : *factors) positive("a rotary factor", each);
    }
    not_negative("rotary_short_context", config_.rotary_short_context);
  }

  const LanguageConfig& config_;
  std::string_view place_;
};

}  // namespace

std::string_view name(Family family) { return family_names[family]; }

void check(const LanguageConfig& config, std::string_view place) { Check(config, place).run(); }

std::int64_t parameter_count(const LanguageConfig& config) {
  check(config, "language model");
  std::int64_t total = 0;
  for (const WeightSpec& spec : weight_table(config))
    total = checked_add(total, elements(spec.shape), "parameters");
  return total;
}

std::int64_t cache_bytes_per_token(const LanguageConfig& config, std::int64_t head_bytes) {
  std::int64_t heads = 0;
  for (const LayerConfig& layer : config.layers) heads += layer.kv_heads;
  return checked_multiply(heads, head_bytes, "cache");
}

}  // namespace pliant
