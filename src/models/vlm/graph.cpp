// The graph of an image encoder with its projector.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "graph/blocks.h"
#include "graph/builder.h"
#include "models/vlm/vlm.h"

namespace pliant {
namespace {

using blocks::none;

class Network {
 public:
  Network(Builder& builder, const VlmConfig& config)
      : b_(builder),
        c_(config),
        v_(config.vision),
        side_(v_.patches_per_side()),
        rows_(side_ * side_ + (v_.class_token ? 1 : 0)) {
    for (VlmWeight& each : vlm_weight_table(config))
      shapes_.emplace(std::move(each.name), std::move(each.shape));
  }

  Graph run() {
    const ValueId pixels = b_.input("pixels", {DType::f32, {1, 3, v_.side, v_.side}});
    b_.output(projected(joined(features(embedded(pixels)))), "rows");
    return b_.finish();
  }

 private:
  ValueId weight(const std::string& name) {
    const auto found = shapes_.find(name);
    return found == shapes_.end() ? none : b_.weight(name, {DType::f32, found->second});
  }
  ValueId linear(ValueId x, const std::string& name) {
    return blocks::linear(b_, x, weight(name + ".weight"), weight(name + ".bias"), name);
  }
  ValueId norm(ValueId x, const std::string& name) {
    return blocks::layer_norm(b_, x, weight(name + ".weight"), weight(name + ".bias"), v_.norm_eps,
                              name);
  }
  ValueId activated(ValueId x, VisionActivation activation, const std::string& name) {
    if (activation == VisionActivation::quick_gelu)
      return b_.map(argument(0) * apply(Fn::sigmoid, {constant(1.702) * argument(0)}), {x}, {},
                    name);
    return blocks::gelu(b_, x, activation == VisionActivation::gelu_tanh, name);
  }

  ValueId embedded(ValueId pixels) {
    kind::Convolve squares;
    squares.stride = {v_.patch, v_.patch};
    const ValueId maps = blocks::convolve(b_, pixels, weight("vision.patch.weight"),
                                          weight("vision.patch.bias"), squares, "vision.patch");
    ValueId rows = b_.transpose(b_.reshape(maps, {v_.width, -1}), {1, 0}, "vision.patches");
    if (v_.class_token)
      rows =
          b_.concat({b_.reshape(weight("vision.class"), {1, v_.width}), rows}, 0, "vision.tokens");
    rows = blocks::add(b_, rows, weight("vision.positions.weight"), "vision.placed");
    return v_.pre_norm ? norm(rows, "vision.pre_norm") : rows;
  }

  ValueId features(ValueId rows) {
    const std::int64_t last = *std::ranges::max_element(c_.features);
    std::vector<ValueId> behind{rows};
    for (std::int64_t layer = 0; layer < last; ++layer)
      behind.push_back(block(behind.back(), fmt::format("vision.layers.{}", layer)));
    std::vector<ValueId> chosen;
    for (const std::int64_t layer : c_.features) chosen.push_back(behind[layer]);
    ValueId result = chosen.size() == 1 ? chosen[0] : b_.concat(chosen, 1, "vision.features");
    if (c_.post_norm) result = norm(result, "vision.post_norm");
    if (v_.class_token && !c_.keep_class)
      result = b_.slice(result, 0, 1, rows_ - 1, "vision.without_class");
    return result;
  }

  ValueId block(ValueId x, const std::string& name) {
    x = blocks::add(b_, x, attention(norm(x, name + ".attention_norm"), name), name + ".attended");
    const ValueId wide = activated(linear(norm(x, name + ".ffn_norm"), name + ".up"), v_.activation,
                                   name + ".active");
    return blocks::add(b_, x, linear(wide, name + ".down"), name + ".sum");
  }

  ValueId attention(ValueId x, const std::string& name) {
    const std::int64_t head = v_.width / v_.heads;
    const auto heads = [&](const char* part) {
      const std::string whole = name + part;
      return b_.reshape(linear(x, whole), {rows_, v_.heads, head}, whole + ".heads");
    };
    kind::Attention how;
    how.scale = 1 / std::sqrt(static_cast<double>(head));
    how.causal = false;
    const ValueId q = heads(".q"), k = heads(".k"), v = heads(".v");
    const ValueId seen =
        b_.attention(how, {q, k, v, integer(0), integer(1), integer(0)}, name + ".seen");
    return linear(b_.reshape(seen, {rows_, v_.width}), name + ".output");
  }

  // One integer for each row, times its number: which sequence, place and tag it has.
  ValueId integer(int step) {
    ValueId& made = step == 0 ? zeros_ : places_;
    if (made == none) {
      std::vector<double> values(rows_);
      for (std::int64_t i = 0; i < rows_; ++i) values[i] = static_cast<double>(i * step);
      made = b_.constant(Tensor::of(DType::i32, {rows_}, values),
                         step == 0 ? "vision.zeros" : "vision.places");
    }
    return made;
  }

  // Squares of patches into one row each: theirs from the top, each from the left.
  ValueId joined(ValueId rows) {
    if (c_.shuffle == 1) return rows;
    const std::int64_t s = c_.shuffle, side = side_ / s;
    const ValueId squares = b_.reshape(rows, {side, s, side, s, v_.width}, "squares");
    return b_.reshape(b_.transpose(squares, {0, 2, 1, 3, 4}), {side * side, s * s * v_.width},
                      "squares.joined");
  }

  ValueId projected(ValueId rows) {
    const ValueId first = linear(rows, "projector.0");
    if (c_.family == VlmFamily::idefics3) return first;
    return linear(activated(first, c_.projector_activation, "projector.active"), "projector.1");
  }

  Builder& b_;
  const VlmConfig& c_;
  const VisionConfig& v_;
  std::int64_t side_, rows_;
  std::map<std::string, Shape> shapes_;
  ValueId zeros_ = none, places_ = none;
};

}  // namespace

Graph image_graph(const VlmConfig& config) {
  check(config, "vision-language model");
  Builder builder;
  return Network(builder, config).run();
}

}  // namespace pliant
