#include "models/language/files/load.h"

#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/shards.h"
#include "models/language/files/assemble.h"
#include "models/language/files/mlx.h"

namespace pliant {

WeightStore folder_tensors(const std::string& path) {
  const std::string index = path + "/model.safetensors.index.json";
  return std::filesystem::exists(index) ? load_shards(index)
                                        : load_safetensors(path + "/model.safetensors");
}

LanguageModel folder_model(const std::string& path) {
  const std::string config_path = path + "/config.json";
  if (!std::filesystem::exists(config_path))
    throw Error(ErrorKind::not_found, path, "has no config.json",
                "name a model file, or a folder with config.json");
  const std::string text = read_file(config_path);
  LanguageModel model{config_from_json(text, config_path), nullptr};
  WeightStore tensors = folder_tensors(path);
  const nlohmann::json document = parse_json(text, config_path);
  if (const auto quantization = JsonNode(document, config_path).find("quantization"))
    tensors = mlx::dequantized(tensors, quantization->integer("group_size"), path);
  model.weights = std::make_shared<WeightStore>(
      assemble(model.config, NameScheme::hugging_face, tensors, path));
  return model;
}

LanguageModel gguf_model(const GgufModel& whole, const std::string& path) {
  LanguageModel model{config_from_gguf(whole.contents, path), nullptr};
  WeightStore tensors;
  for (const GgufTensor& each : whole.contents.tensors)
    tensors.add(each.name, each.stored, whole.owner);
  model.weights =
      std::make_shared<WeightStore>(assemble(model.config, NameScheme::gguf, tensors, path));
  return model;
}

}  // namespace pliant
