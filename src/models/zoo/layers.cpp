#include "models/zoo/layers.h"

namespace pliant::zoo {

ValueId Layers::conv(ValueId x, std::int64_t out, const Sizes& kernel, const ConvOptions& options) {
  Shape shape{out, channels(x) / options.groups};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  kind::Convolve attributes{.stride = options.stride,
                            .low = {},
                            .high = {},
                            .dilation = Sizes(kernel.size(), options.dilation),
                            .groups = options.groups};
  if (attributes.stride.empty()) attributes.stride.assign(kernel.size(), 1);
  for (const std::int64_t k : kernel) attributes.low.push_back(options.dilation * (k - 1) / 2);
  attributes.high = attributes.low;
  const ValueId y = b.convolve(x, weight("conv_weight", std::move(shape)), attributes);
  if (!options.bias) return y;
  Shape per_channel(b.shape(y).size() - 1, 1);
  per_channel[0] = out;
  return blocks::add(b, y, weight("conv_bias", std::move(per_channel)));
}

ValueId Layers::norm(ValueId x) {
  Shape shape(b.shape(x).size() - 1, 1);
  shape[0] = channels(x);
  const ValueId scale = weight("norm_scale", shape), shift = weight("norm_shift", shape);
  return b.map(argument(0) * argument(1) + argument(2), {x, scale, shift});
}

ValueId Layers::pool(ValueId x, kind::PoolFn fn, const Sizes& size, const Sizes& stride) {
  kind::Pool attributes{
      .fn = fn, .size = size, .stride = stride, .low = {}, .high = {}, .dilation = {}};
  attributes.dilation.assign(size.size(), 1);
  for (const std::int64_t s : size) attributes.low.push_back((s - 1) / 2);
  attributes.high = attributes.low;
  attributes.divide_by_valid = true;
  return b.pool(x, attributes);
}

ValueId Layers::sum(const std::vector<ValueId>& xs) {
  Expr expr = argument(0);
  for (std::size_t i = 1; i < xs.size(); ++i) expr = expr + argument(i);
  return b.map(expr, xs);
}

ValueId Layers::linear(ValueId x, std::int64_t out, bool bias) {
  const ValueId w = weight("linear_weight", {out, b.shape(x).back()});
  return blocks::linear(b, x, w, bias ? weight("linear_bias", {out}) : blocks::none);
}

ValueId Layers::layer_norm(ValueId x) {
  const std::int64_t width = b.shape(x).back();
  const ValueId scale = weight("norm_scale", {width}), bias = weight("norm_bias", {width});
  return blocks::layer_norm(b, x, scale, bias, 1e-5);
}

ValueId Layers::resize(ValueId x, std::int64_t side, bool nearest) {
  Shape shape = b.shape(x);
  shape[2] = shape[3] = side;
  return blocks::resize(
      b, x, shape,
      {.mode = nearest ? blocks::Interpolation::nearest : blocks::Interpolation::linear});
}

Graph Layers::classify(ValueId x, std::int64_t classes) {
  const ValueId pooled = b.reshape(global_mean(x), {1, channels(x)});
  return finish(linear(pooled, classes), "classes");
}

}  // namespace pliant::zoo
