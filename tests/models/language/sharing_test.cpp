// Block sharing: layers that name another layer's tensors.
#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "models/language/forward.h"
#include "models/language/weights.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

LanguageModel shared_model() {  // tiny_c's three equal layers, each used twice
  LanguageModel model = load_language_model("golden/openelm/tiny_c");
  std::vector<LayerConfig> layers;
  for (int i = 0; i < 6; ++i) layers.push_back(model.config.layers[0]);
  for (const int i : {1, 3, 5}) layers[i].weights_of = i - 1;
  auto weights = std::make_shared<WeightStore>();
  const WeightStore& all = *model.weights;
  model.config.layers = layers;
  for (const WeightSpec& spec : weight_table(model.config)) {
    const std::string from = weight_name(spec.part, spec.layer / 2);
    weights->add(spec.name(), all.at(from), all.owner(from));
  }
  model.weights = weights;
  return model;
}

LanguageModel unrolled(const LanguageModel& shared) {
  LanguageModel model{shared.config, nullptr};
  auto weights = std::make_shared<WeightStore>();
  for (LayerConfig& layer : model.config.layers) layer.weights_of = -1;
  for (const WeightSpec& spec : weight_table(model.config)) {
    const int owner = spec.layer < 0 ? -1 : shared.config.layers[spec.layer].weights_of;
    const std::string from = weight_name(spec.part, owner == -1 ? spec.layer : owner);
    weights->add(spec.name(), decode(shared.weights->at(from)));
  }
  model.weights = weights;
  return model;
}

TEST(BlockSharing, OutputsAreBitEqualToTheUnrolledCopy) {
  const LanguageModel shared = shared_model(), copy = unrolled(shared);
  EXPECT_LT(parameter_count(shared.config), parameter_count(copy.config));
  EXPECT_LT(shared.weights->size(), copy.weights->size());
  const std::vector<std::int32_t> ids{1, 17, 5, 400, 33, 8, 2, 77};
  for (const Runner runner : {Runner::reference, Runner::native}) {
    const Tensor once = Forward(shared, runner, 8).logits(ids),
                 twice = Forward(copy, runner, 8).logits(ids);
    EXPECT_TRUE(std::ranges::equal(once.raw(), twice.raw()));
  }
}

TEST(BlockSharing, AGraphOverAllLayersHasEachTensorOnce) {
  const LanguageModel shared = shared_model();
  const Graph graph = layers_graph(shared.config, 0, 6, 8, false);
  std::int64_t weights = 0;
  for (const Value& value : graph.values()) weights += value.role == Role::weight;
  EXPECT_EQ(weights, std::ssize(shared.config.layers) / 2 * 7);
}

std::string refusal(const LanguageConfig& config) {
  try {
    check(config, "model");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BlockSharing, AWrongOwnerIsRefused) {
  LanguageConfig config = shared_model().config;
  config.layers[1].weights_of = 1;
  EXPECT_NE(refusal(config).find("layer 1: shares the weights of layer 1, not an earlier one"),
            std::string::npos);
  config.layers[1].weights_of = -2;
  EXPECT_NE(refusal(config).find("not an earlier one"), std::string::npos);
  config = shared_model().config;
  config.layers[3].weights_of = 1;
  EXPECT_NE(refusal(config).find("which has none of its own"), std::string::npos);
  config = shared_model().config;
  config.layers[3].ffn += 32;
  EXPECT_NE(refusal(config).find("whose sizes differ"), std::string::npos);
}

}  // namespace
}  // namespace pliant::language
