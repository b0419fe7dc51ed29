// Video networks, clips of 16 frames of 224 x 224: R(2+1)D-18 (Tran et al. 2018) and S3D (Xie et
// al. 2018). Widths as torchvision has them, 400 classes.
#include "models/zoo/layers.h"

namespace pliant::zoo {
namespace {

ValueId clip(Layers& net) { return net.b.input("clip", {DType::f32, {1, 3, 16, 224, 224}}); }

// A convolution over space, then one over time.
ValueId two_plus_one(Layers& net, ValueId x, std::int64_t middle, std::int64_t out,
                     std::int64_t stride) {
  const ValueId space =
      net.relu(net.norm(net.conv(x, middle, {1, 3, 3}, {.stride = {1, stride, stride}})));
  return net.norm(net.conv(space, out, {3, 1, 1}, {.stride = {stride, 1, 1}}));
}

ValueId residual(Layers& net, ValueId x, std::int64_t out, std::int64_t stride) {
  const std::int64_t in = net.channels(x);
  const std::int64_t middle = in * out * 27 / (in * 9 + 3 * out);
  const ValueId y =
      two_plus_one(net, net.relu(two_plus_one(net, x, middle, out, stride)), middle, out, 1);
  const ValueId same = stride == 1 && in == out ? x : net.conv_norm(x, out, 1, stride);
  return net.relu(net.sum({y, same}));
}

ValueId in_space_and_time(Layers& net, ValueId x, std::int64_t out, std::int64_t kernel,
                          std::int64_t stride = 1) {
  const ValueId space =
      net.relu(net.norm(net.conv(x, out, {1, kernel, kernel}, {.stride = {1, stride, stride}})));
  return net.relu(net.norm(net.conv(space, out, {kernel, 1, 1}, {.stride = {stride, 1, 1}})));
}

struct Inception {
  std::int64_t one, before_three, three, before_other, other, pooled;
};

ValueId inception(Layers& net, ValueId x, const Inception& block) {
  return net.concat(
      {net.conv_relu(x, block.one, 1),
       in_space_and_time(net, net.conv_relu(x, block.before_three, 1), block.three, 3),
       in_space_and_time(net, net.conv_relu(x, block.before_other, 1), block.other, 3),
       net.conv_relu(net.max_pool(x, 3, 1), block.pooled, 1)});
}

}  // namespace

Graph r2plus1d_18() {
  Layers net;
  ValueId x = net.relu(net.norm(net.conv(clip(net), 45, {1, 7, 7}, {.stride = {1, 2, 2}})));
  x = net.relu(net.norm(net.conv(x, 64, {3, 1, 1})));
  for (std::int64_t width = 64; width <= 512; width *= 2)
    for (int block = 0; block < 2; ++block)
      x = residual(net, x, width, block == 0 && width > 64 ? 2 : 1);
  return net.classify(x, 400);
}

Graph s3d() {
  Layers net;
  ValueId x = net.max_pool(in_space_and_time(net, clip(net), 64, 7, 2), {1, 3, 3}, {1, 2, 2});
  x = net.max_pool(in_space_and_time(net, net.conv_relu(x, 64, 1), 192, 3), {1, 3, 3}, {1, 2, 2});
  x = inception(net, inception(net, x, {64, 96, 128, 16, 32, 32}), {128, 128, 192, 32, 96, 64});
  x = net.max_pool(x, 3, 2);
  for (const Inception& block :
       {Inception{192, 96, 208, 16, 48, 64}, Inception{160, 112, 224, 24, 64, 64},
        Inception{128, 128, 256, 24, 64, 64}, Inception{112, 144, 288, 32, 64, 64},
        Inception{256, 160, 320, 32, 128, 128}})
    x = inception(net, x, block);
  x = net.max_pool(x, 2, 2);
  x = inception(net, inception(net, x, {256, 160, 320, 32, 128, 128}),
                {384, 192, 384, 48, 128, 128});
  return net.classify(x, 400);
}

}  // namespace pliant::zoo
