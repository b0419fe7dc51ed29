#include "lm/policy_facts.h"

#include <cmath>
#include <functional>

#include "models/language/rotary.h"
#include "models/language/weights.h"

namespace pliant::lm {

kv::OutputForms output_forms(const LanguageModel& model, ThreadPool& pool) {
  const LanguageConfig& config = model.config;
  const std::int64_t width = config.head_width;
  kv::OutputForms forms(config.layers.size());
  for (int layer = 0; layer < std::ssize(config.layers); ++layer) {
    const LayerConfig& sizes = config.layers[layer];
    const int owner = sizes.weights_of < 0 ? layer : sizes.weights_of;
    const Tensor matrix = decode(model.weights->at(weight_name(Part::output, owner)));
    forms[layer].resize(sizes.heads);
    const auto one = [&](std::int64_t head, int) {
      forms[layer][head] =
          kv::squared_length(matrix.span<const float>(), sizes.heads * width, head * width, width);
    };
    pool.parallel(sizes.heads, std::ref(one));
  }
  return forms;
}

kv::Expectation expectation(const LanguageConfig& config) {
  const double width = static_cast<double>(config.head_width);
  kv::Expectation result;
  result.scale = config.attention_scale == 0 ? 1 / std::sqrt(width) : config.attention_scale;
  if (config.learned_positions) return result;
  const std::int64_t turned = config.rotary_width == 0 ? config.head_width : config.rotary_width;
  const std::vector<double>& factors = rotary_factors(config);
  result.rotation.neighbours = config.rotary_pairs;
  for (std::int64_t i = 0; i < turned / 2; ++i)
    result.rotation.frequencies.push_back(
        config.rotary_scaling *
        std::pow(config.rotary_base, -2 * static_cast<double>(i) / static_cast<double>(turned)) /
        (factors.empty() ? 1 : factors[i]));
  return result;
}

}  // namespace pliant::lm
