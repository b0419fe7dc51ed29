#include "cli/language/inspect_model.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "command/print.h"
#include "core/error.h"
#include "open/language_model.h"

namespace pliant::cli {
namespace {

constexpr std::int64_t cache_element = 2;  // bytes: f16

std::string tokenizer_of(const Source& source) {
  try {
    const auto tokenizer = tokenizer_beside(source);
    return tokenizer == nullptr
               ? "none"
               : fmt::format("{}, {} tokens", tokenizer->algorithm(), tokenizer->size());
  } catch (const Error&) {
    return "none";  // or none that can be read: pliant tokenize says why
  }
}

nlohmann::ordered_json layer_json(const LayerConfig& layer) {
  nlohmann::ordered_json json{
      {"heads", layer.heads}, {"kv_heads", layer.kv_heads}, {"ffn", layer.ffn}};
  if (layer.window > 0) json["window"] = layer.window;
  if (layer.weights_of != -1) json["weights_of"] = layer.weights_of;
  return json;
}

std::string layer_text(const LayerConfig& layer) {
  std::string text =
      fmt::format("{} heads, {} kv heads, ffn {}", layer.heads, layer.kv_heads, layer.ffn);
  if (layer.window > 0) text += fmt::format(", window {}", layer.window);
  if (layer.weights_of != -1) text += fmt::format(", weights of layer {}", layer.weights_of);
  return text;
}

// Neighbours that are alike on one line.
void print_layers(std::ostream& out, const std::vector<LayerConfig>& layers) {
  for (std::size_t first = 0; first < layers.size();) {
    std::size_t last = first;
    while (last + 1 < layers.size() && layers[last + 1] == layers[first]) ++last;
    const std::string which =
        first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    print_line(out, first == 0 ? "layers" : "",
               fmt::format("{:>7}: {}", which, layer_text(layers[first])));
    first = last + 1;
  }
}

}  // namespace

nlohmann::ordered_json model_json(const LanguageConfig& config, const Source& source) {
  nlohmann::ordered_json json{
      {"kind", "language model"},
      {"family", name(config.family)},
      {"parameters", parameter_count(config)},
      {"vocabulary", config.vocabulary},
      {"width", config.width},
      {"head_width", config.head_width},
      {"context", config.context},
      {"tied", config.tied},
      {"cache_bytes_per_token", cache_bytes_per_token(config, cache_element)},
      {"tokenizer", tokenizer_of(source)},
      {"layers", nlohmann::ordered_json::array()}};
  for (const LayerConfig& layer : config.layers) json["layers"].push_back(layer_json(layer));
  return json;
}

void print_model(std::ostream& out, const LanguageConfig& config, const Source& source) {
  print_line(
      out, "family",
      fmt::format("{}{}", name(config.family), config.tied ? ", the embedding is the head" : ""));
  const std::int64_t parameters = parameter_count(config);
  print_line(out, "parameters",
             fmt::format("{} ({})", grouped_text(parameters), count_text(parameters)));
  print_line(out, "sizes",
             fmt::format("vocabulary {}, width {}, heads of {}, context {}", config.vocabulary,
                         config.width, config.head_width, config.context));
  print_layers(out, config.layers);
  print_line(out, "cache",
             fmt::format("{} B per token in f16",
                         grouped_text(cache_bytes_per_token(config, cache_element))));
  print_line(out, "tokenizer", tokenizer_of(source));
}

int inspect_language_model(const Source& source, const Invocation& context) {
  const LanguageModel model = load_language_model(source);
  if (context.common.json) print_json(context.out, model_json(model.config, source));
  else print_model(context.out, model.config, source);
  return success;
}

}  // namespace pliant::cli
