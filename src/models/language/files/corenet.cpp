#include "models/language/files/corenet.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "formats/torch/torch.h"
#include "models/language/files/assemble.h"
#include "models/language/files/load.h"
#include "models/language/files/vocabulary.h"
#include "models/language/openelm.h"

namespace pliant {
namespace {

constexpr std::string_view embedding = "token_embeddings.weight";
// CoreNet's name and the hub's, whose other names begin with "transformer."
constexpr std::string_view head_names[] = {"classifier.weight", "lm_head.weight"};
constexpr std::string_view body = "transformer.";

// The names of the model's tensors begin with it: "" in a state_dict() alone,
// "model_state_dict.module." in a checkpoint of training.
std::string prefix_of(const std::vector<TorchTensor>& tensors, std::string_view place) {
  std::vector<std::string> found;
  for (const TorchTensor& each : tensors) {
    if (!each.name.ends_with(embedding)) continue;
    std::string prefix = each.name.substr(0, each.name.size() - embedding.size());
    if (prefix.ends_with(body)) prefix.resize(prefix.size() - body.size());
    if (prefix.empty() || prefix.ends_with('.')) found.push_back(std::move(prefix));
  }
  if (found.size() == 1) return found[0];
  if (found.empty())
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("has {} tensors, none of them '{}': no OpenELM of CoreNet",
                            tensors.size(), embedding));
  throw Error(
      ErrorKind::format, std::string(place),
      fmt::format("has several models: '{}' and '{}' both hold an embedding", found[0], found[1]),
      "save one state_dict() alone");
}

WeightStore model_tensors(std::span<const std::byte> file, const std::shared_ptr<const void>& owner,
                          std::string_view place) {
  const std::vector<TorchTensor> tensors = read_torch(file, place);
  const std::string prefix = prefix_of(tensors, place);
  WeightStore store;
  for (const TorchTensor& each : tensors) {
    if (!each.name.starts_with(prefix)) continue;
    std::string name = each.name.substr(prefix.size());
    if (name.starts_with(body)) name.erase(0, body.size());
    store.add(std::move(name), {each.type, Encoding::plain, each.bytes}, owner);
  }
  return store;
}

// What the shapes say of a model.
class Sizes {
 public:
  Sizes(const WeightStore& tensors, std::string_view place) : tensors_(tensors), place_(place) {}

  LanguageConfig config() const {
    LanguageConfig config = openelm::config(openelm::Size::m270);
    const Shape& table = matrix(std::string(embedding));
    config.vocabulary = table[0];
    config.width = table[1];
    config.tied =
        std::none_of(std::begin(head_names), std::end(head_names),
                     [&](std::string_view name) { return tensors_.find(name) != nullptr; });
    config.head_width = head_width();
    config.layers.clear();
    while (std::ssize(config.layers) < max_layers && has_layer(config.layers.size()))
      config.layers.push_back(layer(config.layers.size(), config.head_width, config.gated));
    check(config, place_);
    return config;
  }

 private:
  [[noreturn]] void fail(ErrorKind kind, std::string problem, std::string next_step = "") const {
    throw Error(kind, std::string(place_), std::move(problem), std::move(next_step));
  }

  const Shape& shape(const std::string& name, std::size_t axes) const {
    const Stored* stored = tensors_.find(name);
    if (stored == nullptr) fail(ErrorKind::not_found, fmt::format("has no tensor '{}'", name));
    if (stored->type.shape.size() != axes)
      fail(ErrorKind::invalid,
           fmt::format("'{}' is {}, {} axes expected", name, to_string(stored->type.shape), axes));
    if (elements(stored->type.shape) == 0)
      fail(ErrorKind::invalid, fmt::format("'{}' is {}", name, to_string(stored->type.shape)));
    return stored->type.shape;
  }
  const Shape& matrix(const std::string& name) const { return shape(name, 2); }

  bool has_layer(std::size_t index) const {
    return tensors_.find(fmt::format("layers.{}.attn_norm.weight", index)) != nullptr;
  }

  std::int64_t head_width() const {
    const std::string norm = "layers.0.attn.q_norm.weight";
    if (tensors_.find(norm) == nullptr)
      fail(ErrorKind::unsupported,
           fmt::format("has no tensor '{}', which would tell how wide a head is", norm),
           "put the model's config.json beside it");
    return shape(norm, 1)[0];
  }

  // Rows of qkv_proj are those of all query heads, all key heads, all value heads; out_proj has a
  // column for each of the first. proj_1 has the rows of gate and up where there is a gate.
  LayerConfig layer(std::size_t index, std::int64_t head, bool& gated) const {
    const std::string prefix = fmt::format("layers.{}.", index);
    const std::int64_t rows = matrix(prefix + "attn.qkv_proj.weight")[0],
                       columns = matrix(prefix + "attn.out_proj.weight")[1];
    if (columns % head != 0 || rows < columns || (rows - columns) % (2 * head) != 0)
      fail(ErrorKind::invalid,
           fmt::format(
               "layer {}: {} rows of qkv_proj and {} columns of out_proj make no heads of {}",
               index, rows, columns, head));
    const std::int64_t wide = matrix(prefix + "ffn.proj_1.weight")[0],
                       ffn = matrix(prefix + "ffn.proj_2.weight")[1];
    if (index == 0) gated = wide != ffn;
    if (wide != (gated ? 2 : 1) * ffn)
      fail(ErrorKind::invalid,
           fmt::format("layer {}: {} rows of proj_1 and {} columns of proj_2", index, wide, ffn));
    LayerConfig layer;
    layer.heads = columns / head;
    layer.kv_heads = (rows - columns) / (2 * head);
    layer.ffn = ffn;
    return layer;
  }

  const WeightStore& tensors_;
  std::string_view place_;
};

LanguageConfig given_config(const ConfigText& given) {
  LanguageConfig config = config_from_json(given.text, given.place);
  if (config.family != Family::openelm)
    throw Error(ErrorKind::unsupported, given.place,
                fmt::format("describes a model of the family {}, the checkpoint beside it is an "
                            "OpenELM",
                            name(config.family)),
                "move the checkpoint to a folder of its own");
  return config;
}

// A tensor that no weight reads would change what the model says; but for the head of a tied one,
// which is the embedding again.
void refuse_others(const LanguageConfig& config, const WeightStore& tensors,
                   std::string_view place) {
  std::set<std::string, std::less<>> read(std::begin(head_names), std::end(head_names));
  for (const WeightSpec& spec : weight_table(config)) {
    std::string found;
    if (find_source(tensors, weight_source(NameScheme::hugging_face, config, spec).name, found))
      read.insert(found);
  }
  tensors.for_each([&](const std::string& name, const Stored& stored) {
    if (read.contains(name)) return;
    throw Error(ErrorKind::unsupported, std::string(place),
                fmt::format("'{}', {}, is no weight of an OpenELM of {} layers", name,
                            to_string(stored.type), config.layers.size()));
  });
}

}  // namespace

LanguageModel corenet_model(std::span<const std::byte> file,
                            const std::shared_ptr<const void>& owner, std::string_view place,
                            const std::optional<ConfigText>& config) {
  const WeightStore tensors = model_tensors(file, owner, place);
  LanguageModel model{config ? given_config(*config) : Sizes(tensors, place).config(), nullptr};
  const std::int64_t tokens = model.config.vocabulary;
  if (const Shape& table = tensors.at(embedding).type.shape; !table.empty())
    model.config.vocabulary = std::max(tokens, table[0]);  // with the rows that pad it
  refuse_others(model.config, tensors, place);
  model.weights = std::make_shared<WeightStore>(
      assemble(model.config, NameScheme::hugging_face, tensors, place));
  return with_vocabulary(model, tokens, place);
}

}  // namespace pliant
