// The search space of ElasticViT (arXiv 2303.09730, section 3 and the published code): mobile
// blocks, then transformers, every choice made once per stage. Names of weights and the order of
// everything are those of the published supernet, so that its checkpoints load as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::elasticvit {

using Choices = std::vector<std::int64_t>;  // ascending and distinct, all positive

enum class StageKind : std::uint8_t { mobile, transformer };

// The first stage is the stem: it follows a convolution 3x3 of stride 2, expands by 1 only, has
// stride 1 and no squeeze. Mobile stages come before transformers.
struct StageSpace {
  std::string name;
  StageKind kind = StageKind::mobile;
  std::int64_t stride = 1;  // of the first layer, 1 or 2
  Choices widths, depths;
  // of mobile stages
  Choices expansions, kernels;
  bool squeeze = false;  // squeeze-and-excitation, to a quarter of the expanded width
  // of transformer stages: hidden width of the FFN over width, and width of values over width
  Choices mlp_ratios, v_scales;
  bool operator==(const StageSpace&) const = default;
};

struct HeadSpace {  // width -> multiplier * width per token -> hidden -> classes
  std::int64_t multiplier = 6, hidden = 1984, classes = 1000;
  bool operator==(const HeadSpace&) const = default;
};

struct Space {
  Choices resolutions;         // sides of the input image
  std::int64_t head_dim = 16;  // width of an attention head's queries and keys
  std::vector<StageSpace> stages;
  HeadSpace head;
  bool operator==(const Space&) const = default;
};

inline constexpr std::int64_t reduction_expansion = 6;  // of the block in front of transformers

const Space& published_space();

// Throws Error{invalid} at `place` for a space that breaks a rule above, has a choice out of range,
// a transformer width that head_dim does not divide, a resolution that the strides of its mobile
// stages do not divide, no architecture at all, or 2^63 of them.
void check(const Space& space, std::string_view place);

// {"resolutions": [...], "head_dim": 16, "stages": [{"name": ..., "kind": "mb" or "transformer",
// "stride": ..., "widths": [...], "depths": [...], ...}], "head": {...}}. Throws Error{format} for
// what is not of this form, and as check().
Space space_from_json(std::string_view text, std::string_view place);
std::string to_json(const Space& space);

// Sides of the feature map behind each stage, the stem first: halves, rounded up.
std::vector<std::int64_t> stage_sides(const Space& space, std::int64_t resolution);

// Architectures in the space; widths never fall from stage to stage.
std::int64_t size(const Space& space);

// What one stage may choose besides its width and depth, as pairs: expansion and kernel, or MLP
// ratio and V scale.
struct Inner {
  std::int64_t first = 0, second = 0;
};
std::vector<Inner> inner_choices(const StageSpace& stage);

}  // namespace pliant::elasticvit
