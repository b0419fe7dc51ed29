// config.json of vision-language models.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "core/error.h"
#include "core/json.h"
#include "models/language/files/load.h"
#include "models/vlm/files/load.h"

namespace pliant {
namespace {

[[noreturn]] void unsupported(const JsonNode& json, std::string problem, std::string advice = "") {
  throw Error(ErrorKind::unsupported, json.place(), std::move(problem), std::move(advice));
}

VisionActivation activation(const JsonNode& json, const std::string& word) {
  if (word == "gelu") return VisionActivation::gelu;
  if (word == "quick_gelu") return VisionActivation::quick_gelu;
  if (word == "gelu_pytorch_tanh" || word == "gelu_new" || word == "gelu_fast")
    return VisionActivation::gelu_tanh;
  unsupported(json, fmt::format("activation \"{}\"", word),
              "read are: gelu, quick_gelu, gelu_pytorch_tanh");
}

// What transformers takes for what a config leaves out.
struct VisionDefaults {
  std::int64_t width, ffn, layers, heads, side, patch;
  double eps;
  const char* activation;
};
constexpr VisionDefaults clip_defaults{768, 3072, 12, 12, 224, 32, 1e-5, "quick_gelu"},
    siglip_defaults{768, 3072, 12, 12, 224, 16, 1e-6, "gelu_pytorch_tanh"},
    idefics3_defaults{1152, 3072, 12, 16, 224, 32, 1e-6, "gelu_pytorch_tanh"};

VisionConfig vision_config(const JsonNode& json, const VisionDefaults& otherwise) {
  VisionConfig config;
  config.side = json.integer("image_size", otherwise.side);
  config.patch = json.integer("patch_size", otherwise.patch);
  config.width = json.integer("hidden_size", otherwise.width);
  config.heads = json.integer("num_attention_heads", otherwise.heads);
  config.ffn = json.integer("intermediate_size", otherwise.ffn);
  config.layers = json.integer("num_hidden_layers", otherwise.layers);
  if (config.layers < 1 || config.layers > max_layers)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("{} layers, from 1 to {} expected", config.layers, max_layers));
  config.norm_eps = json.number("layer_norm_eps", otherwise.eps);
  config.activation = activation(json, json.text("hidden_act", otherwise.activation));
  if (const std::int64_t channels = json.integer("num_channels", 3); channels != 3)
    unsupported(json, fmt::format("{} channels; pictures have 3", channels));
  return config;
}

// LlamaConfig's own values, which configs of vision-language models leave out.
LanguageConfig text_config(const JsonNode& json, bool tied) {
  nlohmann::json text = json.json();
  const std::array<std::pair<const char*, nlohmann::json>, 8> llama{
      {{"model_type", "llama"},
       {"vocab_size", 32000},
       {"hidden_size", 4096},
       {"intermediate_size", 11008},
       {"num_hidden_layers", 32},
       {"num_attention_heads", 32},
       {"max_position_embeddings", 2048},
       {"tie_word_embeddings", false}}};
  const bool is_llama = !text.contains("model_type") || text["model_type"] == "llama";
  for (const auto& [key, value] : llama)
    if (is_llama && !text.contains(key)) text[key] = value;
  LanguageConfig config = config_from_json(text.dump(), json.place());
  config.tied = config.tied || tied;
  if (config.learned_positions || config.embedding_scale != 1)
    unsupported(
        json,
        fmt::format("a vision-language model with {} behind its projector", name(config.family)),
        "read are those of Llama, Qwen 2, Qwen 3 and Phi 3");
  return config;
}

// Counted from the rows before the first layer, or, below 0, from those behind the last.
std::int64_t layer_of(const JsonNode& json, std::int64_t index, std::int64_t layers) {
  const std::int64_t layer = index < 0 ? layers + 1 + index : index;
  if (layer < 0 || layer > layers)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("'vision_feature_layer' is {}; there are {} layers", index, layers));
  return layer;
}

std::int32_t image_token(const JsonNode& json, std::string_view key, std::int64_t otherwise) {
  return static_cast<std::int32_t>(
      json.has(key) ? json.at(key).integer(0, std::numeric_limits<std::int32_t>::max())
                    : otherwise);
}

VlmConfig llava(const JsonNode& json) {
  VlmConfig config;
  const JsonNode vision = json.object("vision_config");
  const std::string type = vision.text("model_type", "clip_vision_model");
  const bool clip = type == "clip_vision_model";
  if (!clip && type != "siglip_vision_model")
    unsupported(vision, fmt::format("image encoder \"{}\"", type),
                "read are: clip_vision_model, siglip_vision_model");
  config.vision = vision_config(vision, clip ? clip_defaults : siglip_defaults);
  config.vision.class_token = config.vision.pre_norm = clip;
  config.vision.patch_bias = !clip;
  const std::vector<std::int64_t> layers =
      json.has("vision_feature_layer") ? json.at("vision_feature_layer").json().is_array()
                                             ? json.integers("vision_feature_layer")
                                             : std::vector{json.integer("vision_feature_layer")}
                                       : std::vector<std::int64_t>{-2};
  for (const std::int64_t each : layers)
    config.features.push_back(layer_of(json, each, config.vision.layers));
  const std::string chosen = json.text("vision_feature_select_strategy", "default");
  if (chosen != "default" && chosen != "full")
    unsupported(json, fmt::format("features chosen \"{}\"", chosen), "read are: default, full");
  if (!clip && chosen == "default")
    unsupported(json, "the first patch of an encoder without a class token left out",
                "\"vision_feature_select_strategy\" is \"full\" for it");
  config.keep_class = clip && chosen == "full";
  config.projector_bias = json.truth("multimodal_projector_bias", true);
  config.projector_activation = activation(json, json.text("projector_hidden_act", "gelu"));
  config.image_token = image_token(
      json, json.has("image_token_index") ? "image_token_index" : "image_token_id", 32000);
  return config;
}

VlmConfig idefics3(const JsonNode& json) {
  VlmConfig config;
  config.family = VlmFamily::idefics3;
  config.vision = vision_config(json.object("vision_config"), idefics3_defaults);
  config.vision.patch_bias = config.post_norm = true;
  config.features = {config.vision.layers};
  config.shuffle = json.integer("scale_factor", 2);
  config.image_token = image_token(json, "image_token_id", 128257);
  return config;
}

}  // namespace

VlmConfigs vlm_config_from_json(std::string_view config_json, std::string_view place) {
  const nlohmann::json document = parse_json(config_json, place);
  const JsonNode json(document, place);
  const std::string type = json.text("model_type");
  VlmConfigs configs;
  if (type == "llava") configs.model = llava(json);
  else if (type == "idefics3" || type == "smolvlm") configs.model = idefics3(json);
  else
    unsupported(json, fmt::format("model type \"{}\"", type),
                "vision-language models are: llava, idefics3, smolvlm");
  configs.language =
      text_config(json.object("text_config"), json.truth("tie_word_embeddings", false));
  configs.model.text_width = configs.language.width;
  if (configs.model.image_token >= configs.language.vocabulary)
    throw Error(ErrorKind::invalid, json.place(),
                fmt::format("the image token {} is none of the {} in the vocabulary",
                            configs.model.image_token, configs.language.vocabulary));
  check(configs.model, place);
  return configs;
}

}  // namespace pliant
