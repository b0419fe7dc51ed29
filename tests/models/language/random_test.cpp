#include "models/language/random.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/language/openelm.h"
#include "models/language/weights.h"

namespace pliant {
namespace {

LanguageConfig config_of_width(std::int64_t width) {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.vocabulary = 100;
  config.width = width;
  config.layers = openelm::layers({width, config.head_width, 2, 256}, {1, 1}, {1, 1});
  return config;
}

TEST(RandomModel, HasEveryWeightAsItWasAskedFor) {
  const LanguageConfig config = config_of_width(256);
  const LanguageModel model = random_language_model(config, Encoding::q4_k, 7);
  double total = 0;
  std::int64_t count = 0;
  for (const WeightSpec& spec : weight_table(config)) {
    const Stored& stored = model.weights->at(spec.name());
    EXPECT_EQ(stored.type.shape, spec.shape);
    EXPECT_EQ(stored.encoding, spec.shape.size() == 2 ? Encoding::q4_k : Encoding::plain);
    if (spec.shape.size() != 2) continue;
    const Tensor values = decode(stored);
    for (const float each : values.span<float>()) total += each * each;
    count += elements(spec.shape);
  }
  EXPECT_NEAR(std::sqrt(total / static_cast<double>(count)), 0.02, 0.001);
  const std::string name = weight_name(Part::embedding);
  const auto bytes = [&](std::uint64_t seed) {
    const LanguageModel other = random_language_model(config, Encoding::q4_k, seed);
    const auto given = other.weights->at(name).bytes;
    return std::vector<std::byte>(given.begin(), given.end());
  };
  EXPECT_EQ(bytes(7), bytes(7));
  EXPECT_NE(bytes(7), bytes(8));
}

TEST(RandomModel, RowsThatAreNoWholeBlocksAreHalves) {
  const LanguageModel model = random_language_model(config_of_width(128), Encoding::q4_k, 1);
  EXPECT_EQ(model.weights->at(weight_name(Part::embedding)).encoding, Encoding::f16);
}

TEST(InitialModel, BeginsWithTheDeviationsOfItsParts) {
  LanguageConfig config = config_of_width(256);
  const LanguageModel model = initial_language_model(config, 7);
  const auto deviation = [&](Part part, int layer) {
    const Tensor values = decode(model.weights->at(weight_name(part, layer)));
    double total = 0;
    for (const float each : values.span<float>()) total += each * each;
    return std::sqrt(total / static_cast<double>(values.span<float>().size()));
  };
  const auto layers = static_cast<double>(config.layers.size());
  EXPECT_NEAR(deviation(Part::embedding, -1), 1.0 / 16, 0.001);
  EXPECT_NEAR(deviation(Part::down, 1) * std::sqrt(2 * layers), 1.0 / 16, 0.001);
  EXPECT_NEAR(deviation(Part::output, 0) * std::sqrt(2 * layers), 1.0 / 16, 0.001);
  EXPECT_EQ(deviation(Part::norm, -1), 1);
  config.norm_plus_one = true;
  EXPECT_EQ(get(decode(initial_language_model(config, 7).weights->at("norm.weight")).view(), 0), 0);
}

}  // namespace
}  // namespace pliant
