// Vision-language models out of folders as transformers writes them: LLaVA, Idefics 3 and SmolVLM.
// docs/vision-language.md lists what is read.
#pragma once

#include <string>
#include <string_view>

#include "models/vlm/pixels.h"
#include "models/vlm/vlm.h"

namespace pliant {

// By its config.json: false for a folder of a language model, or none at all.
bool is_vlm_folder(const std::string& path);

// Throws as folder_model() of models/language/files. Weights stay mapped, as the files write them.
VisionLanguageModel vlm_folder_model(const std::string& path);

struct VlmConfigs {
  VlmConfig model;
  LanguageConfig language;
};
VlmConfigs vlm_config_from_json(std::string_view config_json, std::string_view place);

// preprocessor_config.json, or the part of processor_config.json. Throws Error{format} and
// Error{unsupported} at `place`, as for a filter or a step that we do not have.
PixelOptions pixel_options_from_json(std::string_view text, std::string_view place,
                                     const VlmConfig& config);
// As the folder's file says, or, without one, as its models are published.
PixelOptions vlm_folder_pixels(const std::string& path, const VlmConfig& config);

}  // namespace pliant
