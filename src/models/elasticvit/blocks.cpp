#include "models/elasticvit/blocks.h"

#include <fmt/format.h>

namespace pliant::elasticvit {
namespace {

constexpr std::int64_t assumed_stem_input = 16;

// In front of a stage, all sides rounded down.
std::int64_t side_before(const Space& space, std::int64_t resolution, std::size_t stage) {
  std::int64_t side = resolution / 2;
  for (std::size_t i = 0; i < stage; ++i) side /= space.stages[i].stride;
  return side;
}

std::vector<std::string> mobile_blocks(const StageSpace& stage, std::int64_t side,
                                       std::int64_t width_in, const StageChoice& choice) {
  std::vector<std::string> keys;
  std::int64_t in = width_in, stride = stage.stride;
  for (std::int64_t layer = 0; layer < choice.depth; ++layer) {
    keys.push_back(fmt::format("conv_{}_{}_{}_{}_{}_hard_swish_{}_{}", side, in, choice.width,
                               choice.expansion(), stride, choice.kernel(),
                               stage.squeeze ? "se" : "nose"));
    side /= stride;
    in = choice.width;
    stride = 1;
  }
  return keys;
}

std::vector<std::string> transformer_blocks(const StageSpace& stage, std::int64_t side,
                                            std::int64_t width_in, const StageChoice& choice) {
  std::vector<std::string> keys{fmt::format("transds_{}_{}_{}_{}_{}", side, width_in, choice.width,
                                            stage.stride, reduction_expansion)};
  side /= stage.stride;
  for (std::int64_t layer = 0; layer < choice.depth; ++layer) {
    keys.push_back(
        fmt::format("transattn_{}_{}_hard_swish_{}_ln", side, choice.width, choice.v_scale()));
    keys.push_back(
        fmt::format("transffn_{}_{}_{}_hard_swish_ln", side, choice.width, choice.mlp_ratio()));
  }
  return keys;
}

}  // namespace

std::vector<std::string> stage_blocks(const Space& space, std::int64_t resolution,
                                      std::size_t stage, std::int64_t input_width,
                                      const StageChoice& choice) {
  const StageSpace& of = space.stages[stage];
  const std::int64_t side = side_before(space, resolution, stage);
  if (of.kind == StageKind::transformer) return transformer_blocks(of, side, input_width, choice);
  if (stage > 0) return mobile_blocks(of, side, input_width, choice);
  std::vector<std::string> keys = mobile_blocks(of, side, assumed_stem_input, choice);
  keys.insert(keys.begin(), fmt::format("firstconv_{}_3_{}_2_3", resolution, choice.width));
  return keys;
}

std::string head_block(const Space& space, std::int64_t resolution, std::int64_t width) {
  return fmt::format("mbpool_{}_{}_{}_{}_hard_swish",
                     side_before(space, resolution, space.stages.size()), width, space.head.hidden,
                     space.head.multiplier);
}

}  // namespace pliant::elasticvit
