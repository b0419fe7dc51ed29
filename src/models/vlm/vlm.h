// Vision-language models of LLaVA's shape (arXiv 2304.08485, 2310.03744): an image encoder, a
// projector, and any language model behind them, which reads an image as rows that stand where
// embeddings of tokens would.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/language/language.h"

namespace pliant {

enum class VlmFamily : std::uint8_t {
  llava,    // CLIP's encoder, two linear layers
  idefics3  // SigLIP's, neighbouring patches joined, one linear layer (also SmolVLM)
};
std::string_view name(VlmFamily family);

enum class VisionActivation : std::uint8_t { gelu, gelu_tanh, quick_gelu };

// A transformer over the square patches of a square picture.
struct VisionConfig {
  std::int64_t side = 0, patch = 0;  // in pixels
  std::int64_t width = 0, heads = 0, ffn = 0, layers = 0;
  double norm_eps = 1e-5;
  VisionActivation activation = VisionActivation::quick_gelu;
  bool class_token = false;  // a row of its own before those of the patches
  bool pre_norm = false;     // before the layers
  bool patch_bias = false;
  std::int64_t patches_per_side() const { return side / patch; }
  bool operator==(const VisionConfig&) const = default;
};

struct VlmConfig {
  VlmFamily family = VlmFamily::llava;
  VisionConfig vision;
  // The rows behind so many layers are what the projector sees, side by side.
  std::vector<std::int64_t> features;
  bool post_norm = false;       // a norm of these rows
  bool keep_class = false;      // the class token's row is one of an image's
  std::int64_t shuffle = 1;     // so many patches each way become one row
  std::int64_t text_width = 0;  // of the language model
  bool projector_bias = false;  // LLaVA's two layers have it
  VisionActivation projector_activation = VisionActivation::gelu;  // between these
  std::int32_t image_token = 0;  // stands in a prompt for each row of an image
  // rows of one picture of vision.side
  std::int64_t rows() const;
  bool operator==(const VlmConfig&) const = default;
};

// Throws Error{invalid} at `place` for a config that no graph can be built from.
void check(const VlmConfig& config, std::string_view place);

// pixels f32 [1, 3, side, side], normalised -> rows f32 [rows(), text_width]. Throws as check().
Graph image_graph(const VlmConfig& config);

struct VlmWeight {
  std::string name;    // "vision.layers.3.q.weight", "projector.0.weight"
  std::string source;  // in files, behind the name of the encoder or the projector
  Shape shape;
  bool of_projector = false;
};
std::vector<VlmWeight> vlm_weight_table(const VlmConfig& config);

struct VisionLanguageModel {
  VlmConfig config;
  std::shared_ptr<const WeightStore> weights;  // of encoder and projector
  LanguageModel language;
};

}  // namespace pliant
