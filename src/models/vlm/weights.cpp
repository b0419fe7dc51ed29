// What weights there are, and where files of transformers keep them.
#include <fmt/format.h>

#include <algorithm>

#include "models/vlm/vlm.h"

namespace pliant {
namespace {

class Table {
 public:
  explicit Table(const VlmConfig& config) : c_(config), v_(config.vision) {}

  std::vector<VlmWeight> all() {
    const std::int64_t side = v_.patches_per_side();
    if (v_.class_token) vision("class", "embeddings.class_embedding", {v_.width});
    vision("patch.weight", "embeddings.patch_embedding.weight", {v_.width, 3, v_.patch, v_.patch});
    if (v_.patch_bias) vision("patch.bias", "embeddings.patch_embedding.bias", {v_.width});
    vision("positions.weight", "embeddings.position_embedding.weight",
           {side * side + (v_.class_token ? 1 : 0), v_.width});
    if (v_.pre_norm) norm("pre_norm", "pre_layrnorm");  // as its authors wrote it
    // those behind the last one that is looked at stay in the file
    const std::int64_t last = *std::ranges::max_element(c_.features);
    for (std::int64_t layer = 0; layer < last; ++layer) block(layer);
    if (c_.post_norm) norm("post_norm", "post_layernorm");
    projector();
    return std::move(table_);
  }

 private:
  void vision(const std::string& name, const std::string& source, Shape shape) {
    table_.push_back({"vision." + name, source, std::move(shape), false});
  }
  void norm(const std::string& name, const std::string& source) {
    for (const char* part : {".weight", ".bias"}) vision(name + part, source + part, {v_.width});
  }
  void linear(const std::string& name, const std::string& source, std::int64_t out,
              std::int64_t in) {
    vision(name + ".weight", source + ".weight", {out, in});
    vision(name + ".bias", source + ".bias", {out});
  }

  void block(std::int64_t layer) {
    const std::string here = fmt::format("layers.{}.", layer),
                      there = fmt::format("encoder.layers.{}.", layer);
    norm(here + "attention_norm", there + "layer_norm1");
    linear(here + "q", there + "self_attn.q_proj", v_.width, v_.width);
    linear(here + "k", there + "self_attn.k_proj", v_.width, v_.width);
    linear(here + "v", there + "self_attn.v_proj", v_.width, v_.width);
    linear(here + "output", there + "self_attn.out_proj", v_.width, v_.width);
    norm(here + "ffn_norm", there + "layer_norm2");
    linear(here + "up", there + "mlp.fc1", v_.ffn, v_.width);
    linear(here + "down", there + "mlp.fc2", v_.width, v_.ffn);
  }

  void projector() {
    const auto add = [&](int number, const std::string& source, std::int64_t in) {
      const std::string name = fmt::format("projector.{}", number);
      table_.push_back({name + ".weight", source + ".weight", {c_.text_width, in}, true});
      if (c_.projector_bias)
        table_.push_back({name + ".bias", source + ".bias", {c_.text_width}, true});
    };
    const std::int64_t in = v_.width * std::ssize(c_.features) * c_.shuffle * c_.shuffle;
    if (c_.family == VlmFamily::idefics3) return add(0, "modality_projection.proj", in);
    add(0, "linear_1", in);
    add(1, "linear_2", c_.text_width);
  }

  const VlmConfig& c_;
  const VisionConfig& v_;
  std::vector<VlmWeight> table_;
};

}  // namespace

std::vector<VlmWeight> vlm_weight_table(const VlmConfig& config) { return Table(config).all(); }

}  // namespace pliant
