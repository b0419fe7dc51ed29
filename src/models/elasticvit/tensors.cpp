#include "models/elasticvit/tensors.h"

#include <fmt/format.h>

namespace pliant::elasticvit {
namespace {

struct MobileSizes {
  std::int64_t width, expansion, kernel;
  bool squeeze, stem;
};

class Tensors {
 public:
  explicit Tensors(const Space& space) : space_(space) {}

  SupernetTensors run() {
    const std::int64_t stem = space_.stages[0].widths.back();
    add("first_conv.weight", {stem, 3, 3, 3});
    norm("first_conv_bn", stem);
    for (std::size_t i = 0; i < space_.stages.size(); ++i) {
      if (space_.stages[i].kind == StageKind::mobile) mobile_stage(i);
      else transformer_stage(i);
    }
    const std::int64_t width = space_.stages.back().widths.back();
    const HeadSpace& head = space_.head;
    linear("pre_head_0", head.multiplier * width, width);
    norm("pre_head_norm_0", head.multiplier * width);
    linear("pre_head_1", head.hidden, head.multiplier * width);
    linear("classifer", head.classes, head.hidden);
    return std::move(tensors_);
  }

 private:
  void add(const std::string& name, Shape shape) { tensors_[name] = {std::move(shape)}; }
  void affine(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }
  void norm(const std::string& name, std::int64_t width) {
    affine(name, width);
    for (const char* each : {".running_mean", ".running_var"})
      tensors_[name + each] = {{width}, true};
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void mobile_block(const std::string& name, const MobileSizes& sizes) {
    const std::int64_t inner = sizes.width * sizes.expansion, squeezed = inner / 4;
    if (!sizes.stem) {
      add(name + ".pw_conv.weight", {inner, sizes.width, 1, 1});
      norm(name + ".pw_bn", inner);
    }
    add(name + ".dw_conv.weight", {inner, 1, sizes.kernel, sizes.kernel});
    norm(name + ".dw_bn", inner);
    if (sizes.squeeze) {
      add(name + ".se_conv1.weight", {squeezed, inner, 1, 1});
      add(name + ".se_conv1.bias", {squeezed});
      add(name + ".se_conv2.weight", {inner, squeezed, 1, 1});
      add(name + ".se_conv2.bias", {inner});
    }
    add(name + ".pwl_conv.weight", {sizes.width, inner, 1, 1});
    norm(name + ".pwl_bn", sizes.width);
    add(name + ".shortcut_conv.weight", {sizes.width, sizes.width, 1, 1});
  }

  void mobile_stage(std::size_t index) {
    const StageSpace& stage = space_.stages[index];
    for (std::int64_t layer = 0; layer < stage.depths.back(); ++layer)
      mobile_block(layer_name(space_, index, layer),
                   {stage.widths.back(), stage.expansions.back(), stage.kernels.back(),
                    stage.squeeze, index == 0});
  }

  void transformer_stage(std::size_t index) {
    const StageSpace& stage = space_.stages[index];
    const std::int64_t width = stage.widths.back(), values = stage.v_scales.back() * width,
                       hidden = stage.mlp_ratios.back() * width,
                       span = 2 * stage_sides(space_, space_.resolutions.back())[index] - 1;
    mobile_block(layer_name(space_, index, 0) + ".reduction",
                 {width, reduction_expansion, 3, true, false});
    for (std::int64_t layer = 0; layer < stage.depths.back(); ++layer) {
      const std::string attention = layer_name(space_, index, 2 * layer),
                        feed_forward = layer_name(space_, index, 2 * layer + 1);
      affine(attention + ".norm1", width);
      add(attention + ".qkv.weight", {2 * width + values, width});
      add(attention + ".dw_v_conv.weight", {values, 1, 3, 3});
      linear(attention + ".proj", width, values);
      add(attention + ".attention_bias", {span * span, width / space_.head_dim});
      affine(feed_forward + ".norm1", width);
      linear(feed_forward + ".fc1", hidden, width);
      linear(feed_forward + ".fc2", width, hidden);
    }
  }

  const Space& space_;
  SupernetTensors tensors_;
};

}  // namespace

std::string layer_name(const Space& space, std::size_t stage, std::int64_t layer) {
  if (stage == 0) return fmt::format("conv_stem.layers.{}.0", layer);
  return fmt::format("feature_exactor.{}.layers.{}{}", stage - 1, layer,
                     space.stages[stage].kind == StageKind::mobile ? ".0" : "");
}

SupernetTensors supernet_tensors(const Space& space) { return Tensors(space).run(); }

}  // namespace pliant::elasticvit
