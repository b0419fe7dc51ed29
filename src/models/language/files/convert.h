// Language models into files. docs/formats.md says what each format can hold; what it cannot is
// refused by name.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pool.h"
#include "formats/gguf/open.h"
#include "models/language/language.h"

namespace pliant {

enum class ModelFormat : std::uint8_t { hugging_face, gguf, mlx, llama2c };

struct WriteOptions {
  // Of matrices: plain is f32, and what a format always keeps in f32 (norms and biases in GGUF)
  // stays so. None: as the model has them; blocks become f32 where the format has no blocks.
  std::optional<Encoding> type = {};
  // MLX: 4 or 8 quantises matrices in groups; 0: not
  int bits = 0;
  // of them: 32, 64 or 128 neighbours along a row
  std::int64_t group = 64;
  // GGUF: beside the config's (the tokenizer's)
  std::vector<std::pair<std::string, GgufValue>> metadata = {};
  // Folders: fields of config.json beside the config's: "bos_token_id" and the like; -1 is null.
  std::vector<std::pair<std::string, std::int64_t>> token_ids = {};
  std::function<void(std::string_view tensor, std::size_t done, std::size_t all)> progress = {};
  ThreadPool* pool = nullptr;  // shares out the encoding in blocks
};

// hugging_face and mlx: config.json and model.safetensors in the folder `path`, which is made; the
// others: the file `path`. Each file is written whole or not at all. Tensors that are not converted
// are not copied. Throws Error{unsupported} for what the format has no place for, Error{invalid}
// naming the tensor for a value that the type cannot hold, Error{usage} for options that contradict
// the format.
void write_language_model(const LanguageModel& model, ModelFormat format, const std::string& path,
                          const WriteOptions& options = {});

// What write_language_model() writes as GGUF, but that it is not written: weights that need no
// other layout or type share the model's bytes. `name`: of the model.
GgufModel as_gguf(const LanguageModel& model, const std::string& name,
                  const WriteOptions& options = {});

// config.json as the Python package transformers writes it. Throws Error{unsupported}.
std::string config_to_json(const LanguageConfig& config);
// The metadata that describes the config (not the tokenizer).
std::vector<std::pair<std::string, GgufValue>> config_to_gguf(const LanguageConfig& config);

}  // namespace pliant
