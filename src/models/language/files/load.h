// Language models in and out of files: folders of the Hugging Face layout (config.json, safetensors, sharded index),
// MLX folders, GGUF, llama2.c checkpoints, minGPT in JSON. docs/formats.md lists what is read and written.
#pragma once

#include <string>
#include <string_view>

#include "formats/gguf/gguf.h"
#include "models/language/language.h"

namespace pliant {

// Told by the content. Throws Error{not_found} for a missing file or tensor, Error{format} or {invalid} for files that
// contradict the config (naming the file, the tensor and both shapes), Error{unsupported} for an architecture we do not
// have. Weights stay as the file writes them, mapped; only what a layout forces is copied (GPT-2's transposed
// matrices).
LanguageModel load_language_model(const std::string& path);

LanguageConfig config_from_json(std::string_view config_json, std::string_view place);
LanguageConfig config_from_gguf(const Gguf& file, std::string_view place);

}  // namespace pliant
