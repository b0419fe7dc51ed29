// Random composite operators with operands, over all their attributes.
#pragma once

#include <algorithm>

#include "graph/one_operator.h"
#include "graph/shapes/rules.h"

namespace pliant::oracle {

struct Case {
  Kind kind;
  std::vector<Tensor> operands;
  int results = 1;
};

inline bool coin(Rng& rng) { return rng.below(2) == 0; }

inline Case random_softmax(Rng& rng, DType dtype) {
  Shape shape;
  for (auto rank = rng.between(1, 4); rank > 0; --rank) shape.push_back(rng.between(1, 5));
  const int axis = static_cast<int>(rng.below(static_cast<std::int64_t>(shape.size())));
  return {kind::Softmax{axis}, list(normal(rng, shape, dtype))};
}

inline Case random_normalize(Rng& rng, DType dtype) {
  Shape shape;
  for (auto rank = rng.between(1, 4); rank > 0; --rank) shape.push_back(rng.between(2, 6));
  kind::Normalize kind{{}, coin(rng) ? 1e-5 : 0.1, coin(rng)};
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    if (coin(rng) || (kind.axes.empty() && axis + 1 == shape.size()))
      kind.axes.push_back(static_cast<int>(axis));
  return {kind, list(normal(rng, shape, dtype)), coin(rng) ? 3 : 1};
}

inline Case random_rotary(Rng& rng, DType dtype) {
  const std::int64_t rows = rng.between(1, 5), dims = 2 * rng.between(1, 5),
                     rest = rng.between(0, 3);
  kind::Rotary kind{dims, coin(rng) ? 10000.0 : 500000.0, coin(rng) ? 1.0 : 0.25,
                    coin(rng) ? kind::RotaryStyle::halves : kind::RotaryStyle::pairs};
  Case result{kind, list(normal(rng, {rows, rng.between(1, 3), dims + rest}, dtype),
                         integers(rng, {rows}, 0, 4000))};
  if (coin(rng)) {
    Tensor factors(TensorType{DType::f32, {dims / 2}});
    fill_uniform(factors.view(), rng, 0.5, 32);
    result.operands.push_back(std::move(factors));
  }
  return result;
}

inline Case random_attention(Rng& rng, DType dtype) {
  const std::int64_t rows = rng.between(1, 9), groups = rng.between(1, 3),
                     heads = groups * rng.between(1, 3);
  const std::int64_t width = rng.between(1, 6), limit = 6;
  kind::Attention kind{
      rng.uniform() + 0.1,  coin(rng), coin(rng) ? rng.between(1, 4) : 0, -1, coin(rng), coin(rng),
      coin(rng) ? 2.0 : 0.0};
  Case result{
      kind,
      list(normal(rng, {rows, heads, width}, dtype), normal(rng, {rows, groups, width}, dtype),
           normal(rng, {rows, groups, rng.between(1, 5)}, dtype), integers(rng, {rows}, -1, 2),
           integers(rng, {rows}, 0, limit - 1), integers(rng, {rows}, 0, 3))};
  for (std::int64_t i = 0; i < rows; ++i)  // padding may hold any position
    if (get_int(result.operands[3].view(), i) < 0)
      set_int(result.operands[4].view(), i, rng.between(-3, 30));
  if (kind.has_bias) result.operands.push_back(normal(rng, {heads, limit, limit}));
  if (kind.has_tree) result.operands.push_back(integers(rng, {rows, rows}, 0, 1, DType::boolean));
  return result;
}

struct Spatial {
  kind::Sizes size, window, stride, low, high, dilation;
};

// A window that fits every axis.
inline Spatial random_spatial(Rng& rng, std::size_t rank) {
  Spatial s;
  for (std::size_t i = 0; i < rank; ++i) {
    s.window.push_back(rng.between(1, 3));
    s.stride.push_back(rng.between(1, 3));
    s.dilation.push_back(rng.between(1, 2));
    s.low.push_back(rng.between(0, 2));
    s.high.push_back(rng.between(0, 2));
    const std::int64_t reach = s.dilation[i] * (s.window[i] - 1) + 1;
    s.size.push_back(std::max<std::int64_t>(1, reach - s.low[i] - s.high[i]) + rng.between(0, 5));
  }
  return s;
}

inline Shape join(Shape head, const Shape& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

inline Case random_convolve(Rng& rng, DType dtype) {
  const std::int64_t groups = rng.between(1, 3), ins = rng.between(1, 3), outs = rng.between(1, 3);
  Spatial s = random_spatial(rng, static_cast<std::size_t>(rng.between(1, 3)));
  const bool transposed = coin(rng);
  if (transposed)
    for (std::size_t i = 0; i < s.size.size(); ++i)  // nothing is cut beyond what there is
      s.size[i] += s.low[i] + s.high[i];
  const Shape w = transposed ? Shape{groups * ins, outs} : Shape{groups * outs, ins};
  return {kind::Convolve{s.stride, s.low, s.high, s.dilation, groups, transposed},
          list(normal(rng, join({rng.between(1, 2), groups * ins}, s.size), dtype),
               normal(rng, join(w, s.window), dtype))};
}

inline Case random_pool(Rng& rng, DType dtype) {
  const Spatial s = random_spatial(rng, static_cast<std::size_t>(rng.between(1, 3)));
  const kind::Pool kind{coin(rng) ? kind::PoolFn::max : kind::PoolFn::mean,
                        s.window,
                        s.stride,
                        s.low,
                        s.high,
                        s.dilation,
                        coin(rng)};
  return {kind, list(normal(rng, join({rng.between(1, 2), rng.between(1, 3)}, s.size), dtype))};
}

inline Case random_cross_entropy(Rng& rng, DType dtype) {
  const std::int64_t rows = rng.between(1, 6), width = rng.between(1, 8),
                     vocabulary = rng.between(1, 40);
  return {kind::CrossEntropy{},
          list(normal(rng, {rows, width}, dtype), normal(rng, {vocabulary, width}, dtype),
               integers(rng, {rows}, -1, vocabulary - 1)),
          2};
}

using Maker = Case (*)(Rng&, DType);
inline constexpr Maker composite_makers[] = {random_softmax,      random_normalize, random_rotary,
                                             random_attention,    random_convolve,  random_pool,
                                             random_cross_entropy};

}  // namespace pliant::oracle
