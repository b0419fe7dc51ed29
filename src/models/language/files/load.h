// Language models out of folders of the Hugging Face layout (config.json, safetensors, sharded
// index), MLX folders and GGUF; llama2c.h and mingpt.h read the others. docs/formats.md lists what
// is read and written.
#pragma once

#include <string>
#include <string_view>

#include "formats/gguf/open.h"
#include "models/language/language.h"

namespace pliant {

// Throw Error{not_found} for a missing file or tensor, Error{format} or {invalid} for files that
// contradict the config (naming the file, the tensor and both shapes), Error{unsupported} for an
// architecture we do not have. Weights stay as the file writes them, mapped; only what a layout
// forces is copied (GPT-2's transposed matrices).
LanguageModel folder_model(const std::string& path);
// model.safetensors of a folder, or the shards of its index. Throws Error{not_found}.
WeightStore folder_tensors(const std::string& path);
LanguageModel gguf_model(const GgufModel& whole, const std::string& path);

LanguageConfig config_from_json(std::string_view config_json, std::string_view place);
LanguageConfig config_from_gguf(const Gguf& file, std::string_view place);

}  // namespace pliant
