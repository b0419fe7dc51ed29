#include "cli/language/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/open.h"
#include "models/language/files/load.h"
#include "models/language/language.h"
#include "open/language_model.h"
#include "quant/format_names.h"

namespace pliant::cli {
namespace {

using nlohmann::ordered_json;

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

ordered_json layer_json(const LayerConfig& layer) {
  ordered_json json{{"heads", layer.heads}, {"kv_heads", layer.kv_heads}, {"ffn", layer.ffn}};
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

// Family, sizes, layers, bytes of cache per token, and the kind of tokenizer found in or beside it.
ordered_json model_json(const LanguageConfig& config, const Source& source) {
  ordered_json json{{"kind", "language model"},
                    {"family", name(config.family)},
                    {"parameters", parameter_count(config)},
                    {"vocabulary", config.vocabulary},
                    {"width", config.width},
                    {"head_width", config.head_width},
                    {"context", config.context},
                    {"tied", config.tied},
                    {"cache_bytes_per_token",
                     cache_bytes_per_token(config, 2 * config.head_width * cache_element)},
                    {"tokenizer", tokenizer_of(source)},
                    {"layers", ordered_json::array()}};
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
  print_line(
      out, "cache",
      fmt::format("{} B per token in f16", grouped_text(cache_bytes_per_token(
                                               config, 2 * config.head_width * cache_element))));
  print_line(out, "tokenizer", tokenizer_of(source));
}

constexpr std::size_t whole_list = 16, shown_items = 6, shown_letters = 60;

struct Facts {
  std::int64_t parameters = 0, bytes = 0;
  double bits_per_weight() const {
    return parameters > 0 ? 8 * static_cast<double>(bytes) / static_cast<double>(parameters) : 0;
  }
};

Facts facts_of(const Gguf& file) {
  Facts facts;
  for (const GgufTensor& each : file.tensors) {
    facts.parameters += elements(each.stored.type.shape);
    facts.bytes += static_cast<std::int64_t>(each.stored.bytes.size());
  }
  return facts;
}

// An f32 as its shortest text reads, 1e-05, not as the double nearest to it.
template <typename T>
ordered_json item_json(const T& item) {
  if constexpr (std::is_same_v<T, float>) return std::stod(fmt::format("{}", item));
  else return item;
}

template <typename T>
ordered_json first_items(const std::vector<T>& items, std::size_t count) {
  auto list = ordered_json::array();
  for (std::size_t i = 0; i < std::min(count, items.size()); ++i)
    list.push_back(item_json<T>(items[i]));
  return list;
}

// A long list is its number of items and the first of them.
ordered_json value_json(const GgufValue& value) {
  const auto of_list = []<typename T>(const std::vector<T>& items) -> ordered_json {
    if (items.size() <= whole_list) return first_items(items, items.size());
    return {{"items", items.size()}, {"first", first_items(items, shown_items)}};
  };
  return std::visit(
      [&]<typename T>(const T& item) -> ordered_json {
        if constexpr (std::is_same_v<T, GgufArray>) return std::visit(of_list, item.items);
        else return item_json(item);
      },
      value);
}

// On one line, cut where it gets long; the JSON printer escapes what a terminal would obey.
std::string shortened(const ordered_json& json) {
  std::string text = json.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  if (text.size() > shown_letters)
    text = text.substr(0, shown_letters) + fmt::format("... ({} letters)", text.size());
  return text;
}

std::string value_text(const GgufValue& value) {
  const ordered_json json = value_json(value);
  if (!json.is_object()) return shortened(json);
  const std::string first = shortened(json["first"]);
  return fmt::format("{} items: {}", json["items"].get<std::size_t>(), first);
}

// Names come from the file as well.
std::string printable(const std::string& name) {
  const std::string quoted =
      ordered_json(name).dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

ordered_json to_json(const Gguf& file, const Facts& facts) {
  ordered_json json{{"kind", "gguf"},
                    {"version", file.version},
                    {"parameters", facts.parameters},
                    {"bytes", facts.bytes},
                    {"bits_per_weight", facts.bits_per_weight()},
                    {"metadata", ordered_json::object()},
                    {"tensors", ordered_json::array()}};
  for (const auto& [key, value] : file.metadata) json["metadata"][key] = value_json(value);
  for (const GgufTensor& each : file.tensors)
    json["tensors"].push_back({{"name", each.name},
                               {"type", format_name(each.stored)},
                               {"shape", each.stored.type.shape},
                               {"bytes", each.stored.bytes.size()}});
  return json;
}

void print(std::ostream& out, const Gguf& file, const Facts& facts, const std::string& name) {
  print_line(out, "file", fmt::format("{}: GGUF, version {}", name, file.version));
  print_line(out, "parameters",
             fmt::format("{} ({})", grouped_text(facts.parameters), count_text(facts.parameters)));
  print_line(
      out, "weights",
      fmt::format("{}, {:.3f} bits per weight", exact_bytes(facts.bytes), facts.bits_per_weight()));
  std::size_t widest = 0;
  for (const auto& [key, value] : file.metadata) widest = std::max(widest, printable(key).size());
  out << fmt::format("metadata    {} entries\n", file.metadata.size());
  for (const auto& [key, value] : file.metadata)
    out << fmt::format("  {:<{}}  {}\n", printable(key), widest, value_text(value));
  widest = 0;
  for (const GgufTensor& each : file.tensors)
    widest = std::max(widest, printable(each.name).size());
  out << fmt::format("tensors     {}\n", file.tensors.size());
  for (const GgufTensor& each : file.tensors)
    out << fmt::format("  {:<{}}  {:<6} {:<16} {}\n", printable(each.name), widest,
                       format_name(each.stored), to_string(each.stored.type.shape),
                       bytes_text(static_cast<std::int64_t>(each.stored.bytes.size())));
}

// Of a model that Pliant runs; vocabularies alone and other architectures have none.
std::optional<LanguageConfig> config_of(const Gguf& file, const std::string& path) {
  try {
    return config_from_gguf(file, path);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

int inspect_gguf(const Source& source, const Invocation& context) {
  const std::string& path = source.path();
  const GgufModel whole = open_gguf(source.file(), path);
  const Gguf& file = whole.contents;
  const Facts facts = facts_of(file);
  const std::size_t parts = whole.paths.size();
  const std::optional<LanguageConfig> config = config_of(file, path);
  if (context.common.json) {
    ordered_json json = to_json(file, facts);
    if (parts > 1) json["parts"] = whole.paths;
    if (config) json["model"] = model_json(*config, source);
    print_json(context.out, json);
    return success;
  }
  print(context.out, file, facts,
        file_name(path) + (parts > 1 ? fmt::format(" of {} parts", parts) : ""));
  if (config) print_model(context.out, *config, source);
  return success;
}

int inspect_language_model(const Source& source, const Invocation& context) {
  const LanguageModel model = load_language_model(source);
  if (context.common.json) print_json(context.out, model_json(model.config, source));
  else print_model(context.out, model.config, source);
  return success;
}

}  // namespace pliant::cli
