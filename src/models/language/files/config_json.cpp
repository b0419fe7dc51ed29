// config.json of Hugging Face folders.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "models/language/files/load.h"
#include "models/language/openelm.h"

namespace pliant {
namespace {

[[noreturn]] void unsupported(const JsonNode& json, std::string problem) {
  throw Error(ErrorKind::unsupported, json.place(), std::move(problem));
}

std::int64_t layer_count(const JsonNode& json, std::string_view key) {
  const std::int64_t count = json.integer(key);
  if (count < 1 || count > max_layers)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("'{}' is {}, from 1 to {} expected", key, count, max_layers));
  return count;
}

Activation activation(const JsonNode& json, const std::string& word) {
  constexpr std::array<std::pair<std::string_view, Activation>, 7> words{
      {{"silu", Activation::silu},
       {"swish", Activation::silu},
       {"gelu", Activation::gelu},
       {"gelu_new", Activation::gelu_tanh},
       {"gelu_pytorch_tanh", Activation::gelu_tanh},
       {"gelu_fast", Activation::gelu_tanh},
       {"relu", Activation::relu}}};
  for (const auto& [each, value] : words)
    if (each == word) return value;
  unsupported(json, fmt::format("activation \"{}\"", word));
}

// One of Llama 3's three regions per pair: kept, divided by `factor`, or between the two.
std::vector<double> llama3_factors(const JsonNode& scaling, std::int64_t width, double base) {
  const double factor = scaling.number("factor"), low = scaling.number("low_freq_factor"),
               high = scaling.number("high_freq_factor"),
               original = scaling.number("original_max_position_embeddings");
  if (!(factor > 0) || !(high > low) || !(low > 0) || !(original > 0))
    throw Error(ErrorKind::invalid, scaling.place(),
                "factors that are not positive or not in order");
  std::vector<double> factors;
  for (std::int64_t i = 0; i < width / 2; ++i) {
    const double frequency = std::pow(base, -2.0 * i / width);
    const double length = 2 * std::numbers::pi / frequency;
    if (length < original / high) factors.push_back(1);
    else if (length > original / low) factors.push_back(factor);
    else {
      const double smooth = (original / length - low) / (high - low);
      factors.push_back(1 / ((1 - smooth) / factor + smooth));
    }
  }
  return factors;
}

void longrope(const JsonNode& json, const JsonNode& scaling, LanguageConfig& config) {
  config.rotary_factors = scaling.numbers("long_factor");
  config.rotary_short_factors = scaling.numbers("short_factor");
  const std::int64_t original = json.has("original_max_position_embeddings")
                                    ? json.integer("original_max_position_embeddings")
                                    : scaling.integer("original_max_position_embeddings");
  if (original < 2)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("an original context of {}", original));
  config.rotary_short_context = original;
  const double growth = static_cast<double>(config.context) / original;
  const double usual = growth <= 1 ? 1 : std::sqrt(1 + std::log(growth) / std::log(original));
  config.rotary_magnitude = scaling.number("attention_factor", usual);
}

// "rope_parameters" (transformers 5), or "rope_theta" with "rope_scaling".
void rotary(const JsonNode& json, LanguageConfig& config) {
  const auto parameters =
      json.find(json.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  config.rotary_base =
      json.number("rope_theta", parameters ? parameters->number("rope_theta", 10000) : 10000);
  const double part = json.number("partial_rotary_factor",
                                  parameters ? parameters->number("partial_rotary_factor", 1) : 1);
  if (!(part > 0 && part <= 1))
    throw Error(ErrorKind::invalid, json.place(), fmt::format("partial_rotary_factor {}", part));
  if (part < 1) config.rotary_width = static_cast<std::int64_t>(part * config.head_width);
  if (!parameters) return;
  const std::string kind = parameters->text("rope_type", parameters->text("type", "default"));
  const std::int64_t width = config.rotary_width == 0 ? config.head_width : config.rotary_width;
  if (width < 1 || width > 1 << 14)
    throw Error(ErrorKind::invalid, json.place(), fmt::format("heads of {}", width));
  if (kind == "default") return;
  if (kind == "linear") config.rotary_scaling = 1 / parameters->number("factor");
  else if (kind == "llama3")
    config.rotary_factors = llama3_factors(*parameters, width, config.rotary_base);
  else if (kind == "longrope" || kind == "su") longrope(json, *parameters, config);
  else unsupported(*parameters, fmt::format("rotary scaling \"{}\"", kind));
}

// Windows: for the layers that "layer_types" calls sliding, else for those that `usual` says.
void windows(const JsonNode& json, LanguageConfig& config,
             const std::function<bool(std::size_t)>& usual) {
  const std::int64_t window = json.integer("sliding_window", 0);
  std::vector<std::string> types;
  if (json.has("layer_types")) {
    types = json.texts("layer_types");
    if (types.size() != config.layers.size())
      throw Error(
          ErrorKind::invalid, json.place(),
          fmt::format("'layer_types' names {} layers of {}", types.size(), config.layers.size()));
  }
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    if (!types.empty() && types[i] != "sliding_attention" && types[i] != "full_attention")
      unsupported(json, fmt::format("layer {} of type \"{}\"", i, types[i]));
    if (types.empty() ? usual(i) : types[i] == "sliding_attention")
      config.layers[i].window = window;
  }
}

// What Llama and its descendants write alike.
LanguageConfig llama_like(const JsonNode& json, Family family) {
  LanguageConfig config;
  config.family = family;
  config.vocabulary = json.integer("vocab_size");
  config.width = json.integer("hidden_size");
  config.context = json.integer("max_position_embeddings");
  const std::int64_t heads = json.integer("num_attention_heads");
  LayerConfig layer;
  layer.heads = heads;
  layer.kv_heads = json.integer("num_key_value_heads", heads);
  layer.ffn = json.integer("intermediate_size");
  config.layers.assign(layer_count(json, "num_hidden_layers"), layer);
  if (heads < 1)
    throw Error(ErrorKind::invalid, json.place(), fmt::format("{} attention heads", heads));
  if (!json.has("head_dim") && config.width % heads != 0)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("a hidden size of {} in {} heads", config.width, heads));
  config.head_width = json.integer("head_dim", config.width / heads);
  config.norm_eps = json.number("rms_norm_eps", 1e-6);
  config.tied = json.truth("tie_word_embeddings", family == Family::gemma2);
  config.activation = activation(json, json.text("hidden_act", "silu"));
  rotary(json, config);
  return config;
}

LanguageConfig llama(const JsonNode& json) {
  LanguageConfig config = llama_like(json, Family::llama);
  config.qkv_bias = config.output_bias = json.truth("attention_bias", false);
  config.ffn_bias = json.truth("mlp_bias", false);
  return config;
}

LanguageConfig qwen(const JsonNode& json, Family family) {
  LanguageConfig config = llama_like(json, family);
  if (family == Family::qwen2) config.qkv_bias = true;
  else config.qkv_bias = config.output_bias = json.truth("attention_bias", false);
  config.qk_norm = family == Family::qwen3;
  const std::size_t first = std::max<std::int64_t>(0, json.integer("max_window_layers", 28));
  if (json.truth("use_sliding_window", false))
    windows(json, config, [&](std::size_t i) { return i >= first; });
  return config;
}

LanguageConfig gemma2(const JsonNode& json) {
  LanguageConfig config = llama_like(json, Family::gemma2);
  if (!json.has("head_dim")) config.head_width = 256;
  config.activation = activation(
      json, json.text("hidden_activation", json.text("hidden_act", "gelu_pytorch_tanh")));
  config.norm_plus_one = config.post_norms = true;
  config.qkv_bias = config.output_bias = json.truth("attention_bias", false);
  config.embedding_scale = std::sqrt(config.width);
  config.attention_scale = 1 / std::sqrt(json.number("query_pre_attn_scalar", 256));
  config.attention_cap = json.number("attn_logit_softcapping", 0);
  config.logit_cap = json.number("final_logit_softcapping", 0);
  windows(json, config, [](std::size_t i) { return i % 2 == 0; });
  return config;
}

LanguageConfig phi3(const JsonNode& json) {
  LanguageConfig config = llama_like(json, Family::phi3);
  config.fused_qkv = config.fused_gate_up = true;
  windows(json, config, [](std::size_t) { return true; });
  return config;
}

LanguageConfig gpt2(const JsonNode& json) {
  LanguageConfig config;
  config.family = Family::gpt2;
  config.vocabulary = json.integer("vocab_size");
  config.width = json.integer("n_embd");
  config.context = json.integer("n_positions");
  LayerConfig layer;
  layer.heads = layer.kv_heads = json.integer("n_head");
  layer.ffn = json.integer("n_inner", 0);
  if (config.width < 1 || config.width > 1 << 20 || layer.heads < 1 ||
      config.width % layer.heads != 0)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("a width of {} in {} heads", config.width, layer.heads));
  if (layer.ffn == 0) layer.ffn = 4 * config.width;
  config.layers.assign(layer_count(json, "n_layer"), layer);
  config.head_width = config.width / layer.heads;
  config.norm = NormKind::layer;
  config.norm_eps = json.number("layer_norm_epsilon", 1e-5);
  config.qkv_bias = config.output_bias = config.ffn_bias = config.fused_qkv =
      config.learned_positions = true;
  config.gated = false;
  config.activation = activation(json, json.text("activation_function", "gelu_new"));
  config.tied = json.truth("tie_word_embeddings", true);
  if (json.truth("scale_attn_by_inverse_layer_idx", false) ||
      !json.truth("scale_attn_weights", true))
    unsupported(json, "attention that is scaled by layer or not at all");
  return config;
}

// A multiplier for all layers, the two ends of a line, or one per layer.
std::vector<double> openelm_multipliers(const JsonNode& json, std::string_view key,
                                        std::int64_t layers) {
  std::vector<double> given = json.numbers(key);
  for (const double each : given)
    if (!(each > 0 && each < 1e6))
      throw Error(ErrorKind::invalid, json.place(), fmt::format("'{}' has {}", key, each));
  if (given.size() == 1) given.assign(layers, given[0]);
  if (given.size() == 2 && layers != 2) return openelm::multipliers(given[0], given[1], layers);
  if (std::cmp_not_equal(given.size(), layers))
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("'{}' has {} entries for {} layers", key, given.size(), layers));
  return given;
}

// Counts per layer, where the file lists them: they decide.
void openelm_heads(const JsonNode& json, std::string_view key, std::vector<LayerConfig>& layers,
                   std::int64_t LayerConfig::*field) {
  if (!json.has(key)) return;
  const std::vector<std::int64_t> counts = json.integers(key);
  if (counts.size() != layers.size())
    throw Error(
        ErrorKind::invalid, json.place(),
        fmt::format("'{}' has {} entries for {} layers", key, counts.size(), layers.size()));
  for (std::size_t i = 0; i < counts.size(); ++i) layers[i].*field = counts[i];
}

LanguageConfig openelm_config(const JsonNode& json) {
  LanguageConfig config;
  config.family = Family::openelm;
  config.vocabulary = json.integer("vocab_size");
  config.width = json.integer("model_dim");
  config.head_width = json.integer("head_dim");
  config.context = json.integer("max_context_length");
  const std::int64_t count = layer_count(json, "num_transformer_layers");
  if (config.width < 1 || config.width > 1 << 20)
    throw Error(ErrorKind::invalid, json.place(), fmt::format("'model_dim' is {}", config.width));
  config.layers =
      openelm::layers({config.width, config.head_width, json.integer("num_gqa_groups", 1),
                       json.integer("ffn_dim_divisor", 256)},
                      openelm_multipliers(json, "qkv_multipliers", count),
                      openelm_multipliers(json, "ffn_multipliers", count));
  openelm_heads(json, "num_query_heads", config.layers, &LayerConfig::heads);
  openelm_heads(json, "num_kv_heads", config.layers, &LayerConfig::kv_heads);
  config.norm_eps = 1e-6;
  config.qk_norm = json.truth("normalize_qk_projections", true);
  config.fused_qkv = true;
  config.gated = json.truth("ffn_with_glu", true);
  config.activation = activation(json, json.text("activation_fn_name", "swish"));
  config.tied = json.truth("share_input_output_layers", true);
  config.rotary_base = json.number("rope_freq_constant", 10000);
  if (const std::string norm = json.text("normalization_layer_name", "rms_norm");
      norm != "rms_norm")
    unsupported(json, fmt::format("normalisation \"{}\"", norm));
  return config;
}

LanguageConfig by_type(const JsonNode& json) {
  const std::string type = json.text("model_type");
  if (type == "openelm") return openelm_config(json);
  if (type == "llama") return llama(json);
  if (type == "qwen2") return qwen(json, Family::qwen2);
  if (type == "qwen3") return qwen(json, Family::qwen3);
  if (type == "gemma2") return gemma2(json);
  if (type == "phi3") return phi3(json);
  if (type == "gpt2") return gpt2(json);
  throw Error(ErrorKind::unsupported, json.place(), fmt::format("model type \"{}\"", type),
              "read are: openelm, llama, qwen2, qwen3, gemma2, phi3, gpt2");
}

}  // namespace

LanguageConfig config_from_json(std::string_view config_json, std::string_view place) {
  const nlohmann::json document = parse_json(config_json, place);
  const JsonNode json(document, place);
  LanguageConfig config = by_type(json);
  if (json.has("pliant_weights_of")) {
    const std::vector<std::int64_t> shared = json.integers("pliant_weights_of");
    if (shared.size() != config.layers.size())
      throw Error(ErrorKind::invalid, json.place(),
                  fmt::format("'pliant_weights_of' names {} layers of {}", shared.size(),
                              config.layers.size()));
    for (std::size_t i = 0; i < shared.size(); ++i) {
      if (shared[i] < -1 || shared[i] >= max_layers)
        throw Error(ErrorKind::invalid, json.place(),
                    fmt::format("'pliant_weights_of' has {}", shared[i]));
      config.layers[i].weights_of = static_cast<int>(shared[i]);
    }
  }
  check(config, place);
  return config;
}

}  // namespace pliant
