// L-RASPP on MobileNetV3-Large (Howard et al. 2019), widths as torchvision has them, and U-Net
// (Ronneberger et al. 2015), padded so that sizes are kept.
#include <algorithm>

#include "models/zoo/layers.h"

namespace pliant::zoo {
namespace {

struct Inverted {
  std::int64_t kernel, expanded, out;
  bool squeeze, hard_swish;
  std::int64_t stride, dilation;
};

std::int64_t divisible(std::int64_t x) {  // by 8, nearest, never below nine tenths
  const std::int64_t rounded = std::max<std::int64_t>(8, (x + 4) / 8 * 8);
  return rounded * 10 < x * 9 ? rounded + 8 : rounded;
}

ValueId squeeze(Layers& net, ValueId x) {
  const std::int64_t width = net.channels(x);
  const ValueId inner =
      net.relu(net.conv(net.global_mean(x), divisible(width / 4), {1, 1}, {.bias = true}));
  const ValueId gate = blocks::hard_sigmoid(net.b, net.conv(inner, width, {1, 1}, {.bias = true}));
  return blocks::multiply(net.b, x, gate);
}

ValueId inverted(Layers& net, ValueId x, const Inverted& block) {
  const auto activate = [&](ValueId v) {
    return block.hard_swish ? blocks::hard_swish(net.b, v) : net.relu(v);
  };
  ValueId y = x;
  if (block.expanded != net.channels(x)) y = activate(net.conv_norm(y, block.expanded, 1));
  y = activate(net.norm(
      net.depthwise(y, block.kernel, block.dilation > 1 ? 1 : block.stride, block.dilation)));
  if (block.squeeze) y = squeeze(net, y);
  y = net.conv_norm(y, block.out, 1);
  return block.stride == 1 && net.channels(x) == block.out ? net.sum({y, x}) : y;
}

ValueId twice(Layers& net, ValueId x, std::int64_t width) {
  for (int i = 0; i < 2; ++i) x = net.relu(net.conv(x, width, {3, 3}, {.bias = true}));
  return x;
}

}  // namespace

Graph lraspp_mobilenet_v3() {
  const Inverted blocks_[] = {{3, 16, 16, false, false, 1, 1}, {3, 64, 24, false, false, 2, 1},
                              {3, 72, 24, false, false, 1, 1}, {5, 72, 40, true, false, 2, 1},
                              {5, 120, 40, true, false, 1, 1}, {5, 120, 40, true, false, 1, 1},
                              {3, 240, 80, false, true, 2, 1}, {3, 200, 80, false, true, 1, 1},
                              {3, 184, 80, false, true, 1, 1}, {3, 184, 80, false, true, 1, 1},
                              {3, 480, 112, true, true, 1, 1}, {3, 672, 112, true, true, 1, 1},
                              {5, 672, 160, true, true, 2, 2}, {5, 960, 160, true, true, 1, 2},
                              {5, 960, 160, true, true, 1, 2}};
  Layers net;
  ValueId x = blocks::hard_swish(net.b, net.conv_norm(net.image(), 16, 3, 2));
  ValueId low = x;
  for (int i = 0; i < 15; ++i) {
    x = inverted(net, x, blocks_[i]);
    if (i == 3) low = x;  // the first block at an eighth of the size
  }
  x = blocks::hard_swish(net.b, net.conv_norm(x, 960, 1));
  const ValueId gate = blocks::sigmoid(net.b, net.conv(net.global_mean(x), 128, 1));
  const ValueId high =
      net.resize(blocks::multiply(net.b, net.conv_relu(x, 128, 1), gate), net.side(low));
  const ValueId y = net.sum(
      {net.conv(low, 21, {1, 1}, {.bias = true}), net.conv(high, 21, {1, 1}, {.bias = true})});
  return net.finish(net.resize(y, 224));
}

Graph unet() {
  Layers net;
  ValueId x = net.image();
  std::vector<ValueId> skips;
  for (std::int64_t width = 64; width < 1024; width *= 2) {
    skips.push_back(twice(net, x, width));
    x = net.max_pool(skips.back(), 2, 2);
  }
  x = twice(net, x, 1024);
  for (std::int64_t width = 512; width >= 64; width /= 2) {
    const ValueId w = net.weight("up_weight", {2 * width, width, 2, 2});
    const kind::Convolve up{
        .stride = {2, 2}, .low = {0, 0}, .high = {0, 0}, .dilation = {1, 1}, .transposed = true};
    const ValueId grown =
        blocks::add(net.b, net.b.convolve(x, w, up), net.weight("up_bias", {width, 1, 1}));
    x = twice(net, net.concat({skips.back(), grown}), width);
    skips.pop_back();
  }
  return net.finish(net.conv(x, 2, {1, 1}, {.bias = true}));
}

}  // namespace pliant::zoo
