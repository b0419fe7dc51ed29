#include "models/vlm/files/load.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "models/language/files/assemble.h"
#include "models/language/files/load.h"

namespace pliant {
namespace {

std::string config_path(const std::string& path) { return path + "/config.json"; }

// Under which names the parts stand: as released, and as versions of transformers since wrote them.
struct Layout {
  std::vector<std::string> vision, projector, text, head;
};

Layout layout_of(VlmFamily family) {
  if (family == VlmFamily::idefics3)
    return {{"model.vision_model."}, {"model.connector."}, {"model.text_model."}, {"lm_head."}};
  return {{"vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower.",
           "model.vision_tower."},
          {"multi_modal_projector.", "model.multi_modal_projector."},
          {"language_model.model.", "model.language_model."},
          {"language_model.lm_head.", "lm_head."}};
}

// The first of the prefixes that is one of a tensor named prefix + name.
std::string prefix_of(const WeightStore& tensors, const std::vector<std::string>& prefixes,
                      const std::string& name) {
  for (const std::string& each : prefixes)
    if (tensors.find(each + name) != nullptr) return each;
  return prefixes.front();
}

void add(WeightStore& result, const VlmWeight& weight, const WeightStore& tensors,
         const std::string& name, const std::string& place) {
  const Stored* stored = tensors.find(name);
  if (stored == nullptr)
    throw Error(ErrorKind::not_found, place, fmt::format("has no tensor '{}'", name),
                fmt::format("the config says that it has the shape {}", to_string(weight.shape)));
  if (stored->type.shape != weight.shape)
    throw Error(ErrorKind::invalid, place,
                fmt::format("'{}' is {}, the config says {}", name, to_string(stored->type.shape),
                            to_string(weight.shape)));
  result.add(weight.name, as_f32(*stored, name, place), tensors.owner(name));
}

WeightStore image_weights(const VlmConfig& config, const Layout& layout, const WeightStore& tensors,
                          const std::string& place) {
  const std::vector<VlmWeight> table = vlm_weight_table(config);
  const std::string vision = prefix_of(tensors, layout.vision, "embeddings.patch_embedding.weight"),
                    projector = prefix_of(tensors, layout.projector, table.back().source);
  WeightStore result;
  for (const VlmWeight& each : table)
    add(result, each, tensors, (each.of_projector ? projector : vision) + each.source, place);
  return result;
}

// The language model's tensors, under the names that it has alone.
WeightStore text_tensors(const Layout& layout, const WeightStore& tensors) {
  const std::string text = prefix_of(tensors, layout.text, "embed_tokens.weight"),
                    head = prefix_of(tensors, layout.head, "weight");
  WeightStore result;
  tensors.for_each([&](const std::string& name, const Stored& stored) {
    if (name.starts_with(text))
      result.add("model." + name.substr(text.size()), stored, tensors.owner(name));
    else if (name.starts_with(head))
      result.add("lm_head." + name.substr(head.size()), stored, tensors.owner(name));
  });
  return result;
}

}  // namespace

bool is_vlm_folder(const std::string& path) {
  const std::string config = config_path(path);
  if (!std::filesystem::exists(config)) return false;
  const nlohmann::json document = parse_json(read_file(config), config);
  return document.is_object() && document.contains("vision_config") &&
         document.contains("text_config");
}

VisionLanguageModel vlm_folder_model(const std::string& path) {
  const std::string config = config_path(path);
  VlmConfigs configs = vlm_config_from_json(read_file(config), config);
  const WeightStore tensors = folder_tensors(path);
  const Layout layout = layout_of(configs.model.family);
  const WeightStore text = text_tensors(layout, tensors);
  // Two places say whether the head is the table, and differ: the file itself knows.
  if (text.find("lm_head.weight") != nullptr) configs.language.tied = false;
  VisionLanguageModel model{
      std::move(configs.model), nullptr, {std::move(configs.language), nullptr}};
  model.weights = std::make_shared<WeightStore>(image_weights(model.config, layout, tensors, path));
  model.language.weights = std::make_shared<WeightStore>(
      assemble(model.language.config, NameScheme::hugging_face, text, path));
  return model;
}

}  // namespace pliant
