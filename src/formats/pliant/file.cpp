#include "formats/pliant/file.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"
#include "graph/text/text.h"

namespace pliant {
namespace {

using nlohmann::json;

constexpr std::string_view graph_key = "pliant.graph", encodings_key = "pliant.encodings";
constexpr std::string_view constant_prefix = "constant:";
constexpr std::int64_t inline_elements = 64;

struct Encoded {
  Encoding encoding;
  TensorType type;  // logical
};

// {"name": {"encoding": "...", "dtype": "f32", "shape": [...]}} for every weight that is not plain.
std::map<std::string, Encoded> read_encodings(const SafeTensors& file, std::string_view place) {
  std::map<std::string, Encoded> result;
  auto text = file.metadata.find(std::string(encodings_key));
  if (text == file.metadata.end()) return result;
  try {
    const json root = parse_json(text->second, fmt::format("{}: {}", place, encodings_key), 4);
    for (const auto& [name, entry] : root.items())
      result.emplace(name, Encoded{encoding_from_name(entry.at("encoding").get<std::string>()),
                                   {dtype_from_name(entry.at("dtype").get<std::string>()),
                                    entry.at("shape")}});
  } catch (const json::exception& error) {
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("{}: {}", encodings_key, error.what()));
  }
  return result;
}

std::shared_ptr<const Tensor> copy_constant(const SafeTensor& from) {
  Tensor tensor(from.type);
  if (!from.bytes.empty()) std::memcpy(tensor.view().data, from.bytes.data(), from.bytes.size());
  return std::make_shared<const Tensor>(std::move(tensor));
}

void check_weights(const Graph& graph, const WeightStore& weights, std::string_view place) {
  for (const Value& value : graph.values()) {
    if (value.role != Role::weight) continue;
    const Stored* stored = weights.find(value.name);
    if (!stored)
      throw Error(ErrorKind::not_found, std::string(place),
                  fmt::format("no tensor for the weight '{}'", value.name));
    if (stored->type != value.type)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("the weight '{}' is {}, the graph wants {}", value.name,
                              to_string(stored->type), to_string(value.type)));
  }
}

}  // namespace

Model read_model(std::span<const std::byte> bytes, std::string_view place,
                 std::shared_ptr<const void> owner) {
  SafeTensors file = read_safetensors(bytes, place);
  auto text = file.metadata.find(std::string(graph_key));
  if (text == file.metadata.end())
    throw Error(ErrorKind::format, std::string(place), "a safetensors file without a graph",
                "give its weights to a model instead");
  std::map<std::string, Encoded> encodings = read_encodings(file, place);
  std::map<std::string, const SafeTensor*, std::less<>> constants;
  WeightStore weights;
  for (const SafeTensor& each : file.tensors) {
    if (is_padding(each)) continue;
    if (each.name.starts_with(constant_prefix)) {
      constants.emplace(each.name.substr(constant_prefix.size()), &each);
    } else if (auto encoded = encodings.find(each.name); encoded != encodings.end()) {
      const Stored stored{encoded->second.type, encoded->second.encoding, each.bytes};
      weights.add(each.name, stored, owner);
      check_finite(stored, fmt::format("{}: {}", place, each.name));
    } else {
      weights.add(each.name, {each.type, Encoding::plain, each.bytes}, owner);
    }
  }
  Graph graph =
      graph_from_text(text->second, fmt::format("{}: graph", place), [&](std::string_view name) {
        auto at = constants.find(name);
        return at == constants.end() ? nullptr : copy_constant(*at->second);
      });
  check_weights(graph, weights, place);
  return {std::move(graph), std::move(weights)};
}

Model read_model(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  return read_model(file->bytes(), path, file);
}

void write_model(const std::string& path, const Graph& graph, const WeightStore& weights) {
  check_weights(graph, weights, path);
  SafeTensors file;
  json encodings = json::object();
  for (const Value& value : graph.values()) {
    if (value.role == Role::constant && elements(value.type.shape) > inline_elements)
      file.tensors.push_back(
          {fmt::format("{}{}", constant_prefix, value.name), value.type, value.constant->raw()});
    if (value.role != Role::weight) continue;
    const Stored& stored = weights.at(value.name);
    if (stored.encoding == Encoding::plain) {
      file.tensors.push_back({value.name, stored.type, stored.bytes});
      continue;
    }
    encodings[value.name] = {{"encoding", name(stored.encoding)},
                             {"dtype", name(stored.type.dtype)},
                             {"shape", stored.type.shape}};
    file.tensors.push_back({value.name, {DType::u8, {std::ssize(stored.bytes)}}, stored.bytes});
  }
  file.metadata.emplace(graph_key, to_text(graph, {.inline_elements = inline_elements}));
  if (!encodings.empty()) file.metadata.emplace(encodings_key, encodings.dump());
  write_safetensors(path, file);
}

}  // namespace pliant
