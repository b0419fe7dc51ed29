// Random small networks of convolutions and what stands between them, for the passes that cut maps
// into bands.
#pragma once

#include <vector>

#include "core/rng.h"
#include "graph/builder.h"

namespace pliant {

class ConvolutionNet {
 public:
  explicit ConvolutionNet(std::uint64_t seed) : rng_(seed, 31) {}

  // [1,3,H,W] through `layers` random operators; the last map is an output, and a mean of it.
  Graph make(int layers) {
    maps_ = {b_.input("x", {DType::f32, {1, 3, rng_.between(9, 24), rng_.between(5, 12)}})};
    for (int i = 0; i < layers; ++i) maps_.push_back(layer(maps_.back()));
    b_.output(maps_.back(), "map");
    b_.output(b_.reduce(kind::ReduceFn::mean, maps_.back(), {2, 3}), "mean");
    return b_.finish();
  }

 private:
  ValueId layer(ValueId x) {
    const Shape& shape = b_.shape(x);
    switch (rng_.below(8)) {
      case 0:
      case 1:
      case 2: return affine(convolve(x));
      case 3: return shape[2] < 6 || shape[3] < 6 ? convolve(x) : pool(x);
      case 4: return shape[2] > 30 ? relu(x) : grow(x);
      case 5: return residual(x);
      case 6: return b_.concat({x, relu(x)}, 1);
      default: return shape[1] < 2 ? relu(x) : b_.slice(x, 1, rng_.below(shape[1] - 1), 1);
    }
  }

  ValueId relu(ValueId x) { return b_.map(maximum(argument(0), constant(0)), {x}); }

  ValueId affine(ValueId x) {
    const ValueId shift = weight({b_.shape(x)[1], 1, 1});
    return b_.map(maximum(argument(0) + argument(1), constant(0)), {x, shift});
  }

  ValueId weight(Shape shape) {
    return b_.weight("w" + std::to_string(count_++), {DType::f32, std::move(shape)});
  }

  // Low and high padding differ; windows may reach far beyond a band.
  ValueId convolve(ValueId x) {
    const Shape shape = b_.shape(x);
    const std::int64_t groups = rng_.below(3) == 0 ? shape[1] : 1,
                       out = groups * rng_.between(1, groups > 1 ? 2 : 5);
    kind::Convolve kind{{}, {}, {}, {}, groups, false};
    Shape kernel{out, shape[1] / groups};
    for (std::size_t axis = 2; axis < 4; ++axis) {
      const std::int64_t size = rng_.between(1, 4), dilation = rng_.between(1, 2),
                         reach = dilation * (size - 1);
      kernel.push_back(size);
      kind.dilation.push_back(dilation);
      kind.stride.push_back(shape[axis] > 8 ? rng_.between(1, 2) : 1);
      kind.low.push_back(rng_.between(0, reach));
      kind.high.push_back(reach - kind.low.back() + rng_.below(2));
    }
    return b_.convolve(x, weight(kernel), kind);
  }

  ValueId grow(ValueId x) {
    const std::int64_t size = rng_.between(1, 4), stride = rng_.between(1, 3);
    kind::Convolve kind{
        {stride, 1}, {rng_.below(2), 0}, {rng_.below(2), 0}, {rng_.between(1, 2), 1}, 1, true};
    if ((b_.shape(x)[2] - 1) * stride + kind.dilation[0] * (size - 1) + 1 < 6) return relu(x);
    return b_.convolve(x, weight({b_.shape(x)[1], 2, size, 1}), kind);
  }

  ValueId pool(ValueId x) {
    kind::Pool kind{rng_.below(2) == 0 ? kind::PoolFn::max : kind::PoolFn::mean,
                    {},
                    {},
                    {},
                    {},
                    {},
                    rng_.below(2) == 0};
    for (int axis = 0; axis < 2; ++axis) {
      const std::int64_t size = rng_.between(2, 3);
      kind.size.push_back(size);
      kind.stride.push_back(rng_.between(1, 2));
      kind.low.push_back(rng_.below(size));
      kind.high.push_back(rng_.below(size));
      kind.dilation.push_back(1);
    }
    return b_.pool(x, kind);
  }

  // With a map of the same shape made before, or with itself.
  ValueId residual(ValueId x) {
    std::vector<ValueId> same;
    for (const ValueId id : maps_)
      if (b_.shape(id) == b_.shape(x)) same.push_back(id);
    const ValueId other = same[rng_.below(static_cast<std::int64_t>(same.size()))];
    return b_.map(argument(0) + argument(1), {x, other});
  }

  Rng rng_;
  Builder b_;
  std::vector<ValueId> maps_;
  int count_ = 0;
};

}  // namespace pliant
