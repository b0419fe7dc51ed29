#include "train/groups.h"

#include "models/language/weights.h"

namespace pliant::train {
namespace {

std::vector<std::int64_t> heads(std::int64_t count, std::int64_t width) {
  return std::vector<std::int64_t>(count, width);
}

// The rows of a layer's matrix that are made orthogonal together; empty: all.
std::vector<std::int64_t> blocks_of(const LanguageConfig& config, const WeightSpec& spec) {
  const LayerConfig& layer = config.layers[spec.layer];
  switch (spec.part) {
    case Part::q: return heads(layer.heads, config.head_width);
    case Part::k: return heads(layer.kv_heads, config.head_width);
    case Part::qkv: {
      std::vector<std::int64_t> blocks = heads(layer.heads + layer.kv_heads, config.head_width);
      blocks.push_back(layer.kv_heads * config.head_width);
      return blocks;
    }
    case Part::gate_up: return {layer.ffn, layer.ffn};
    default: return {};
  }
}

}  // namespace

std::vector<aten::Group> groups_of(const LanguageConfig& config, const OptimizerRecipe& recipe) {
  aten::Group plain;
  plain.beta1 = recipe.beta1;
  plain.beta2 = recipe.beta2;
  plain.epsilon = recipe.epsilon;
  aten::Group decaying = plain;
  decaying.decay = recipe.decay;
  decaying.cautious = recipe.cautious;
  aten::Group orthogonal = decaying;
  orthogonal.rule = aten::Rule::muon;
  if (recipe.matrix_rate > 0) orthogonal.rate = recipe.matrix_rate / recipe.rate;
  orthogonal.momentum = recipe.momentum;
  orthogonal.iterations = static_cast<int>(recipe.iterations);
  const bool muon = recipe.kind == OptimizerKind::muon;
  for (const WeightSpec& spec : weight_table(config)) {
    const bool matrix = spec.shape.size() == 2;
    if (matrix && muon && is_layer_part(spec.part))
      orthogonal.parameters.push_back({spec.name(), blocks_of(config, spec)});
    else (matrix ? decaying : plain).parameters.push_back({spec.name(), {}});
  }
  std::vector<aten::Group> groups;
  for (aten::Group* group : {&decaying, &orthogonal, &plain})
    if (!group->parameters.empty()) groups.push_back(std::move(*group));
  return groups;
}

}  // namespace pliant::train
