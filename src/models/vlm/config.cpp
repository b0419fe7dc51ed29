#include <fmt/format.h>

#include "core/error.h"
#include "models/vlm/vlm.h"

namespace pliant {
namespace {

constexpr std::int64_t widest = 1 << 20, longest_side = 1 << 13;

class Checker {
 public:
  explicit Checker(std::string_view place) : place_(place) {}

  void require(bool good, const std::string& problem) const {
    if (!good) throw Error(ErrorKind::invalid, std::string(place_), problem);
  }
  void within(std::int64_t value, std::int64_t most, const char* what) const {
    require(value >= 1 && value <= most,
            fmt::format("{} {}, from 1 to {} expected", value, what, most));
  }

 private:
  std::string_view place_;
};

void check_vision(const VisionConfig& vision, const Checker& checker) {
  checker.within(vision.side, longest_side, "pixels a side");
  checker.within(vision.patch, vision.side, "pixels of a patch's side");
  checker.within(vision.width, widest, "as the image encoder's width");
  checker.within(vision.heads, vision.width, "heads of the image encoder");
  checker.within(vision.ffn, widest, "as the width of the image encoder's FFN");
  checker.within(vision.layers, max_layers, "layers of the image encoder");
  checker.require(vision.width % vision.heads == 0,
                  fmt::format("a width of {} in {} heads", vision.width, vision.heads));
  checker.require(vision.norm_eps > 0 && vision.norm_eps < 1,
                  fmt::format("a norm's epsilon of {}", vision.norm_eps));
}

}  // namespace

std::string_view name(VlmFamily family) {
  switch (family) {
    case VlmFamily::llava: return "llava";
    case VlmFamily::idefics3: return "idefics3";
  }
  return "";
}

std::int64_t VlmConfig::rows() const {
  const std::int64_t side = vision.patches_per_side() / shuffle;
  return side * side + (keep_class ? 1 : 0);
}

void check(const VlmConfig& config, std::string_view place) {
  const Checker checker(place);
  check_vision(config.vision, checker);
  checker.within(config.text_width, widest, "as the language model's width");
  checker.require(
      !config.features.empty() && std::ssize(config.features) <= config.vision.layers + 1,
      fmt::format("{} layers of {} are said to give an image's rows", config.features.size(),
                  config.vision.layers));
  for (const std::int64_t layer : config.features)
    checker.require(layer >= 0 && layer <= config.vision.layers,
                    fmt::format("rows behind layer {} of {}", layer, config.vision.layers));
  const std::int64_t patches = config.vision.patches_per_side();
  checker.within(config.shuffle, patches, "patches each way to be joined");
  checker.require(patches % config.shuffle == 0,
                  fmt::format("{} patches a side cannot be joined {} by {}", patches,
                              config.shuffle, config.shuffle));
  checker.require(!config.keep_class || (config.vision.class_token && config.shuffle == 1),
                  "keeps the row of a class token that there is not");
  checker.require(config.image_token >= 0, fmt::format("image token {}", config.image_token));
}

}  // namespace pliant
