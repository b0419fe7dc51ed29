// Any bytes as what describes a language model: config.json, the index of shards, a llama2.c
// checkpoint, minGPT's JSON; the first byte says which. A config that passes gives graphs if they
// are small.
#include <string_view>

#include "core/error.h"
#include "formats/safetensors/shards.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/load.h"
#include "models/language/files/mingpt.h"

namespace {

void build(const pliant::LanguageConfig& config) {
  if (config.layers.size() > 8 || pliant::parameter_count(config) > 1 << 20) return;
  pliant::embed_graph(config, 4);
  pliant::layers_graph(config, 0, static_cast<int>(config.layers.size()), 4, true);
  pliant::head_graph(config, 4);
}

void read(std::uint8_t kind, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  switch (kind) {
    case 'c': return build(pliant::config_from_json(text, "fuzz"));
    case 'i': pliant::shard_index(text, "fuzz"); return;
    case 'l': return build(pliant::llama2c_model(bytes, nullptr, "fuzz").config);
    case 'm': return build(pliant::mingpt_model(text, "fuzz").config);
    case 'g': {
      const pliant::Gguf file = pliant::read_gguf(bytes, "fuzz");
      return build(pliant::config_from_gguf(file, "fuzz"));
    }
    default: return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const pliant::Error&) {
  }
  return 0;
}
