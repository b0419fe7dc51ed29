// What the generators are written with: a builder that makes up weights and their names. Feature
// maps are [N,C,...].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/blocks.h"
#include "graph/builder.h"

namespace pliant::zoo {

using kind::Sizes;

struct ConvOptions {
  Sizes stride = {};  // empty: 1
  std::int64_t dilation = 1, groups = 1;
  bool bias = false;
};

class Layers {
 public:
  Builder b;

  ValueId image(std::int64_t side = 224, std::int64_t channels = 3) {
    return b.input("image", {DType::f32, {1, channels, side, side}});
  }
  ValueId weight(const std::string& name, Shape shape) {
    return b.weight(name + std::to_string(count_++), {DType::f32, std::move(shape)});
  }

  std::int64_t channels(ValueId x) const { return b.shape(x)[1]; }
  std::int64_t side(ValueId x) const { return b.shape(x).back(); }

  // Padded so that stride 1 keeps the size (of odd kernels).
  ValueId conv(ValueId x, std::int64_t out, const Sizes& kernel, const ConvOptions& options = {});
  ValueId conv(ValueId x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return conv(x, out, square(x, kernel), {.stride = square(x, stride)});
  }
  ValueId depthwise(ValueId x, std::int64_t kernel, std::int64_t stride = 1,
                    std::int64_t dilation = 1) {
    return conv(x, channels(x), square(x, kernel),
                {.stride = square(x, stride), .dilation = dilation, .groups = channels(x)});
  }
  ValueId norm(ValueId x);  // scale and shift per channel, as a batch normalisation is at inference
  ValueId relu(ValueId x) { return blocks::relu(b, x); }
  ValueId conv_norm(ValueId x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return norm(conv(x, out, kernel, stride));
  }
  ValueId conv_relu(ValueId x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return relu(conv_norm(x, out, kernel, stride));
  }
  ValueId max_pool(ValueId x, const Sizes& size, const Sizes& stride) {
    return pool(x, kind::PoolFn::max, size, stride);
  }
  ValueId max_pool(ValueId x, std::int64_t size, std::int64_t stride) {
    return max_pool(x, square(x, size), square(x, stride));
  }
  ValueId mean_pool(ValueId x, std::int64_t size, std::int64_t stride) {
    return pool(x, kind::PoolFn::mean, square(x, size), square(x, stride));
  }
  ValueId sum(const std::vector<ValueId>& xs);
  ValueId concat(const std::vector<ValueId>& xs) { return b.concat(xs, 1); }
  ValueId linear(ValueId x, std::int64_t out, bool bias = true);       // [..., in] -> [..., out]
  ValueId layer_norm(ValueId x);                                       // over the last axis
  ValueId resize(ValueId x, std::int64_t side, bool nearest = false);  // of the last two axes
  ValueId global_mean(ValueId x) { return blocks::global_average_pool(b, x); }
  Graph finish(ValueId x, const std::string& name = "output") {
    b.output(x, name);
    return b.finish();
  }
  Graph classify(ValueId x, std::int64_t classes = 1000);  // global mean, then a linear layer

  Sizes square(ValueId x, std::int64_t size) const { return Sizes(b.shape(x).size() - 2, size); }

 private:
  ValueId pool(ValueId x, kind::PoolFn fn, const Sizes& size, const Sizes& stride);
  int count_ = 0;
};

// One function per network, by file.
Graph resnet50();
Graph resnext50();
Graph densenet121();
Graph fcn_resnet50();
Graph deeplabv3_resnet50();
Graph lraspp_mobilenet_v3();
Graph unet();
Graph hrnet_w18();
Graph r2plus1d_18();
Graph s3d();
Graph transformer();
Graph vit_b_16();
Graph nasnet_a_mobile();
Graph pnasnet5_mobile();
Graph amoebanet_d();
Graph darts();

}  // namespace pliant::zoo
