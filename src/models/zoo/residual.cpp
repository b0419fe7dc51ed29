// Residual and densely connected networks (He et al. 2016, Xie et al. 2017, Huang et al. 2017) and
// what is built on them: FCN (Long et al. 2015), DeepLabV3 (Chen et al. 2017), HRNet (Wang et al.
// 2019). Widths as torchvision has them.
#include "models/zoo/layers.h"

namespace pliant::zoo {
namespace {

struct Bottleneck {
  std::int64_t width = 0, out = 0, stride = 1, dilation = 1, groups = 1;
};

ValueId bottleneck(Layers& net, ValueId x, const Bottleneck& block) {
  ValueId y = net.conv_relu(x, block.width, 1);
  y = net.relu(net.norm(net.conv(y, block.width, {3, 3},
                                 {.stride = {block.stride, block.stride},
                                  .dilation = block.dilation,
                                  .groups = block.groups})));
  y = net.conv_norm(y, block.out, 1);
  const bool same = block.stride == 1 && net.channels(x) == block.out;
  return net.relu(net.sum({y, same ? x : net.conv_norm(x, block.out, 1, block.stride)}));
}

struct ResNet {
  std::int64_t groups = 1, width = 64;  // of the first stage's 3x3 convolutions
  bool dilated = false;                 // the last two stages keep the size and dilate instead
};

ValueId resnet(Layers& net, ValueId x, const ResNet& shape) {
  x = net.max_pool(net.conv_relu(x, 64, 7, 2), 3, 2);
  std::int64_t dilation = 1;
  const std::int64_t depth[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const bool dilate = shape.dilated && stage >= 2;
    for (std::int64_t i = 0; i < depth[stage]; ++i) {
      const std::int64_t stride = i == 0 && stage > 0 && !dilate ? 2 : 1;
      x = bottleneck(
          net, x,
          {shape.width << stage, std::int64_t{256} << stage, stride, dilation, shape.groups});
      if (i == 0 && dilate) dilation *= 2;
    }
  }
  return x;
}

ValueId dense_layer(Layers& net, ValueId x) {
  const ValueId y = net.conv_relu(net.relu(net.norm(x)), 128, 1);
  return net.concat({x, net.conv(y, 32, 3)});
}

ValueId basic_block(Layers& net, ValueId x, std::int64_t width) {
  const ValueId y = net.conv_norm(net.conv_relu(x, width, 3), width, 3);
  return net.relu(net.sum({y, x}));
}

// One exchange of HRNet: what branch `from` gives to branch `to`.
ValueId exchange(Layers& net, ValueId x, std::size_t from, std::size_t to, std::int64_t width,
                 std::int64_t side) {
  if (from == to) return x;
  if (from > to) return net.resize(net.conv_norm(x, width, 1), side, true);
  for (std::size_t step = from; step + 1 < to; ++step) x = net.conv_relu(x, net.channels(x), 3, 2);
  return net.conv_norm(x, width, 3, 2);
}

std::vector<ValueId> hrnet_module(Layers& net, std::vector<ValueId> branches) {
  for (ValueId& x : branches)
    for (int block = 0; block < 4; ++block) x = basic_block(net, x, net.channels(x));
  std::vector<ValueId> fused;
  for (std::size_t to = 0; to < branches.size(); ++to) {
    std::vector<ValueId> parts;
    for (std::size_t from = 0; from < branches.size(); ++from)
      parts.push_back(exchange(net, branches[from], from, to, net.channels(branches[to]),
                               net.side(branches[to])));
    fused.push_back(net.relu(net.sum(parts)));
  }
  return fused;
}

}  // namespace

Graph resnet50() {
  Layers net;
  return net.classify(resnet(net, net.image(), {}));
}

Graph resnext50() {
  Layers net;
  return net.classify(resnet(net, net.image(), {.groups = 32, .width = 128}));
}

Graph densenet121() {
  Layers net;
  ValueId x = net.max_pool(net.conv_relu(net.image(), 64, 7, 2), 3, 2);
  const int depth[] = {6, 12, 24, 16};
  for (int stage = 0; stage < 4; ++stage) {
    if (stage > 0) x = net.mean_pool(net.conv(net.relu(net.norm(x)), net.channels(x) / 2, 1), 2, 2);
    for (int layer = 0; layer < depth[stage]; ++layer) x = dense_layer(net, x);
  }
  return net.classify(net.relu(net.norm(x)));
}

Graph fcn_resnet50() {
  Layers net;
  ValueId x = resnet(net, net.image(), {.dilated = true});
  x = net.conv(net.conv_relu(x, 512, 3), 21, {1, 1}, {.bias = true});
  return net.finish(net.resize(x, 224));
}

Graph deeplabv3_resnet50() {
  Layers net;
  const ValueId x = resnet(net, net.image(), {.dilated = true});
  std::vector<ValueId> parts{net.conv_relu(x, 256, 1)};
  for (const std::int64_t rate : {12, 24, 36})
    parts.push_back(net.relu(net.norm(net.conv(x, 256, {3, 3}, {.dilation = rate}))));
  parts.push_back(net.resize(net.conv_relu(net.global_mean(x), 256, 1), net.side(x)));
  const ValueId y = net.conv_relu(net.conv_relu(net.concat(parts), 256, 1), 256, 3);
  return net.finish(net.resize(net.conv(y, 21, {1, 1}, {.bias = true}), 224));
}

Graph hrnet_w18() {
  Layers net;
  ValueId x = net.conv_relu(net.conv_relu(net.image(), 64, 3, 2), 64, 3, 2);
  for (int block = 0; block < 4; ++block) x = bottleneck(net, x, {64, 256});
  std::vector<ValueId> branches{net.conv_relu(x, 18, 3), net.conv_relu(x, 36, 3, 2)};
  const int modules[] = {1, 4, 3};
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0)
      branches.push_back(net.conv_relu(branches.back(), std::int64_t{18} << (stage + 1), 3, 2));
    for (int module = 0; module < modules[stage]; ++module) branches = hrnet_module(net, branches);
  }
  ValueId y = ValueId::none;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const ValueId grown =
        bottleneck(net, branches[i], {std::int64_t{32} << i, std::int64_t{128} << i});
    y = i == 0 ? grown
               : net.sum({grown, net.relu(net.norm(net.conv(y, std::int64_t{128} << i, {3, 3},
                                                            {.stride = {2, 2}, .bias = true})))});
  }
  return net.classify(net.relu(net.norm(net.conv(y, 2048, {1, 1}, {.bias = true}))));
}

}  // namespace pliant::zoo
