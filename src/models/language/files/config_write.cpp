// Configs as config.json.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/json.h"
#include "models/language/files/convert.h"
#include "models/language/files/layout.h"
#include "models/language/files/load.h"
#include "models/language/files/same_config.h"

namespace pliant {
namespace {

using Json = nlohmann::ordered_json;

std::string activation_word(Activation activation) {
  switch (activation) {
    case Activation::silu: return "silu";
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return "gelu_pytorch_tanh";
    case Activation::relu: return "relu";
  }
  return "";
}

template <typename Field>
Json of_layers(const LanguageConfig& config, const Field& field) {
  Json list = Json::array();
  for (const LayerConfig& layer : config.layers) list.push_back(field(layer));
  return list;
}

Json openelm_fields(const LanguageConfig& c) {
  Json json{{"architectures", {"OpenELMForCausalLM"}}, {"model_type", "openelm"}};
  json["vocab_size"] = c.vocabulary;
  json["max_context_length"] = c.context;
  json["num_transformer_layers"] = c.layers.size();
  json["model_dim"] = c.width;
  json["head_dim"] = c.head_width;
  json["qkv_multipliers"] = of_layers(c, [&](const LayerConfig& layer) {
    return static_cast<double>(layer.heads * c.head_width) / c.width;
  });
  json["num_query_heads"] = of_layers(c, [](const LayerConfig& layer) { return layer.heads; });
  json["num_kv_heads"] = of_layers(c, [](const LayerConfig& layer) { return layer.kv_heads; });
  json["num_gqa_groups"] = c.layers[0].heads / c.layers[0].kv_heads;
  json["ffn_multipliers"] = of_layers(
      c, [&](const LayerConfig& layer) { return static_cast<double>(layer.ffn) / c.width; });
  std::int64_t divisor = 256;  // the widths are what they are: any common divisor gives them back
  for (const LayerConfig& layer : c.layers)
    while (layer.ffn % divisor != 0) divisor /= 2;
  json["ffn_dim_divisor"] = divisor;
  json["ffn_with_glu"] = c.gated;
  json["activation_fn_name"] =
      c.activation == Activation::silu ? "swish" : activation_word(c.activation);
  json["normalization_layer_name"] = "rms_norm";
  json["rms_norm_eps"] = c.norm_eps;
  json["normalize_qk_projections"] = c.qk_norm;
  json["share_input_output_layers"] = c.tied;
  json["rope_freq_constant"] = c.rotary_base;
  json["rope_max_length"] = 2 * c.context;
  return json;
}

Json gpt2_fields(const LanguageConfig& c) {
  Json json{{"architectures", {"GPT2LMHeadModel"}}, {"model_type", "gpt2"}};
  json["vocab_size"] = c.vocabulary;
  json["n_positions"] = c.context;
  json["n_ctx"] = c.context;
  json["n_embd"] = c.width;
  json["n_layer"] = c.layers.size();
  json["n_head"] = c.layers[0].heads;
  json["n_inner"] = c.layers[0].ffn;
  json["layer_norm_epsilon"] = c.norm_eps;
  json["activation_function"] =
      c.activation == Activation::gelu_tanh ? "gelu_new" : activation_word(c.activation);
  json["tie_word_embeddings"] = c.tied;
  return json;
}

Json whole_if_near(double value) {  // readers want an integer where the rule gives one
  const double whole = std::nearbyint(value);
  return std::abs(value - whole) < 1e-9 * value ? Json(static_cast<std::int64_t>(whole))
                                                : Json(value);
}

std::string class_name(Family family) {
  switch (family) {
    case Family::qwen2: return "Qwen2ForCausalLM";
    case Family::qwen3: return "Qwen3ForCausalLM";
    case Family::gemma2: return "Gemma2ForCausalLM";
    case Family::phi3: return "Phi3ForCausalLM";
    default: return "LlamaForCausalLM";
  }
}

std::int64_t widest_window(const LanguageConfig& c) {
  std::int64_t window = 0;
  for (const LayerConfig& layer : c.layers) window = std::max(window, layer.window);
  return window;
}

void add_windows(Json& json, const LanguageConfig& c) {
  const std::int64_t window = widest_window(c);
  if (window > 0) json["sliding_window"] = window;
  else json["sliding_window"] = nullptr;
  if (c.family == Family::phi3) return;
  if (c.family != Family::gemma2) json["use_sliding_window"] = window > 0;
  json["layer_types"] = of_layers(c, [](const LayerConfig& layer) {
    return layer.window > 0 ? "sliding_attention" : "full_attention";
  });
}

// Llama 3's rule for the factors, of the original context that gives them: a power of two, as all
// that use it.
std::optional<Json> llama3_scaling(const LanguageConfig& c) {
  const double factor = *std::ranges::max_element(c.rotary_factors);
  for (std::int64_t original = 8; original <= 1 << 24; original *= 2) {
    Json scaling{{"rope_type", "llama3"},
                 {"factor", factor},
                 {"low_freq_factor", 1.0},
                 {"high_freq_factor", 4.0},
                 {"original_max_position_embeddings", original}};
    Json json{{"model_type", "llama"},
              {"vocab_size", 1},
              {"hidden_size", c.head_width},
              {"num_attention_heads", 1}};
    json.update(
        {{"num_hidden_layers", 1}, {"intermediate_size", 1}, {"max_position_embeddings", 1}});
    json["rope_theta"] = c.rotary_base;
    json["rope_scaling"] = scaling;
    if (same_numbers(config_from_json(json.dump(), "rotary factors").rotary_factors,
                     c.rotary_factors))
      return scaling;
  }
  return {};
}

void add_rotary(Json& json, const LanguageConfig& c) {
  json["rope_theta"] = c.rotary_base;
  if (c.rotary_width != 0)
    json["partial_rotary_factor"] = static_cast<double>(c.rotary_width) / c.head_width;
  if (!c.rotary_short_factors.empty()) {
    json["original_max_position_embeddings"] = c.rotary_short_context;
    json["rope_scaling"] = {{"type", "longrope"},
                            {"short_factor", c.rotary_short_factors},
                            {"long_factor", c.rotary_factors},
                            {"attention_factor", c.rotary_magnitude}};
  } else if (!c.rotary_factors.empty()) {
    if (const auto scaling = llama3_scaling(c)) json["rope_scaling"] = *scaling;
  } else if (c.rotary_scaling != 1) {
    json["rope_scaling"] = {{"type", "linear"}, {"factor", 1 / c.rotary_scaling}};
  }
}

Json llama_fields(const LanguageConfig& c) {
  Json json{{"architectures", {class_name(c.family)}}, {"model_type", name(c.family)}};
  json["vocab_size"] = c.vocabulary;
  json["hidden_size"] = c.width;
  json["intermediate_size"] = c.layers[0].ffn;
  json["num_hidden_layers"] = c.layers.size();
  json["num_attention_heads"] = c.layers[0].heads;
  json["num_key_value_heads"] = c.layers[0].kv_heads;
  if (c.family != Family::phi3) json["head_dim"] = c.head_width;
  json["max_position_embeddings"] = c.context;
  json["rms_norm_eps"] = c.norm_eps;
  json["hidden_act"] = activation_word(c.activation);
  json["tie_word_embeddings"] = c.tied;
  if (c.family == Family::llama || c.family == Family::qwen3 || c.family == Family::gemma2)
    json["attention_bias"] = c.qkv_bias;
  if (c.family == Family::llama) json["mlp_bias"] = c.ffn_bias;
  if (c.family != Family::llama) add_windows(json, c);
  if (c.family == Family::gemma2) {
    json["hidden_activation"] = activation_word(c.activation);
    json["query_pre_attn_scalar"] = whole_if_near(1 / (c.attention_scale * c.attention_scale));
    if (c.attention_cap > 0) json["attn_logit_softcapping"] = c.attention_cap;
    if (c.logit_cap > 0) json["final_logit_softcapping"] = c.logit_cap;
  }
  add_rotary(json, c);
  return json;
}

}  // namespace

std::string config_to_json(const LanguageConfig& given) {
  const LanguageConfig config = layout_for(ModelFormat::hugging_face, given);
  Json json = config.family == Family::openelm ? openelm_fields(config)
              : config.family == Family::gpt2  ? gpt2_fields(config)
                                               : llama_fields(config);
  if (std::ranges::any_of(config.layers,
                          [](const LayerConfig& layer) { return layer.weights_of != -1; }))
    json["pliant_weights_of"] =
        of_layers(config, [](const LayerConfig& layer) { return layer.weights_of; });
  const std::string text = json.dump(2) + "\n";
  refuse_difference(config, config_from_json(text, "config.json"), "config.json");
  return text;
}

}  // namespace pliant
