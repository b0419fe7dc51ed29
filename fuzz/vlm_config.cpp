// Any bytes as what describes a vision-language model: config.json, and, of one that is small, its
// encoder's graph; or its preprocessor's file. The first byte says which.
#include <string_view>

#include "core/error.h"
#include "models/vlm/files/load.h"

namespace {

void build(const pliant::VlmConfig& config) {
  const pliant::VisionConfig& vision = config.vision;
  if (vision.layers > 8 || vision.width > 256 || vision.ffn > 512 || config.text_width > 256 ||
      config.features.size() > 4 || vision.patches_per_side() > 16 || vision.patch > 32)
    return;
  pliant::image_graph(config);
}

void read(std::uint8_t kind, std::string_view text) {
  if (kind == 'c') return build(pliant::vlm_config_from_json(text, "fuzz").model);
  pliant::VlmConfig config;
  config.vision.side = 28;
  if (kind == 'i') config.family = pliant::VlmFamily::idefics3;
  const pliant::PixelOptions options = pliant::pixel_options_from_json(text, "fuzz", config);
  if (options.shortest > 64 || options.longest > 64) return;
  pliant::pixels({3, 2, std::vector<std::uint8_t>(18)}, options);
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
