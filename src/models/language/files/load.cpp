#include "models/language/files/load.h"

#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/gguf/open.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/shards.h"
#include "models/language/files/assemble.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/mingpt.h"
#include "models/language/files/mlx.h"

namespace pliant {
namespace {

WeightStore folder_tensors(const std::string& path) {
  const std::string index = path + "/model.safetensors.index.json";
  return std::filesystem::exists(index) ? load_shards(index) : load_safetensors(path + "/model.safetensors");
}

LanguageModel folder_model(const std::string& path) {
  const std::string config_path = path + "/config.json";
  if (!std::filesystem::exists(config_path))
    throw Error(ErrorKind::not_found, path, "has no config.json", "name a model file, or a folder with config.json");
  const std::string text = read_file(config_path);
  LanguageModel model{config_from_json(text, config_path), nullptr};
  WeightStore tensors = folder_tensors(path);
  const nlohmann::json document = parse_json(text, config_path);
  if (const auto quantization = JsonNode(document, config_path).find("quantization"))
    tensors = mlx::dequantized(tensors, quantization->integer("group_size"), path);
  model.weights = std::make_shared<WeightStore>(assemble(model.config, NameScheme::hugging_face, tensors, path));
  return model;
}

LanguageModel gguf_model(const std::string& path, const std::shared_ptr<const MappedFile>& file) {
  const GgufModel whole = open_gguf(file, path);
  LanguageModel model{config_from_gguf(whole.contents, path), nullptr};
  WeightStore tensors;
  for (const GgufTensor& each : whole.contents.tensors) tensors.add(each.name, each.stored, whole.owner);
  model.weights = std::make_shared<WeightStore>(assemble(model.config, NameScheme::gguf, tensors, path));
  return model;
}

[[noreturn]] void refuse(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (extension(path) == ".safetensors" && std::filesystem::exists(folder / "config.json"))
    throw Error(ErrorKind::format, path, "holds weights of the model of its folder",
                "give the folder: " + (folder.empty() ? "." : folder.string()));
  throw Error(ErrorKind::format, path, "is no language model that can be read",
              "read are folders with config.json and safetensors, GGUF files and llama2.c checkpoints");
}

}  // namespace

LanguageModel load_language_model(const std::string& path) {
  if (std::filesystem::is_directory(path)) return folder_model(path);
  const auto file = std::make_shared<const MappedFile>(path);
  if (is_gguf(file->bytes())) return gguf_model(path, file);
  if (is_mingpt(file->text())) return mingpt_model(file->text(), path);
  if (is_llama2c(file->bytes())) return llama2c_model(file->bytes(), file, path);
  refuse(path);
}

}  // namespace pliant
