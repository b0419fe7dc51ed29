// Small graphs of the shapes that people run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"

namespace pliant::cross {

inline ValueId linear(Builder& b, ValueId x, std::int64_t out, const std::string& name) {
  return b.einsum("rd,od->ro", {x, b.weight(name + ".weight", {DType::f32, {out, b.shape(x)[1]}})},
                  name);
}

inline Expr relu() { return maximum(argument(0), constant(0)); }

inline Graph classifier() {  // two layers of a perceptron and a softmax
  Builder b;
  const ValueId x = b.row_input("x", {DType::f32, {9, 33}});
  const ValueId hidden = b.map(relu(), {linear(b, x, 70, "first")});
  b.output(b.softmax(linear(b, hidden, 11, "second"), 1));
  return b.finish();
}

inline ValueId convolution(Builder& b, ValueId x, std::int64_t out, std::int64_t kernel,
                           std::int64_t stride, std::int64_t groups, const std::string& name) {
  const std::int64_t in = b.shape(x)[1], pad = kernel / 2;
  const ValueId w = b.weight(name + ".weight", {DType::f32, {out, in / groups, kernel, kernel}});
  const ValueId y = b.convolve(x, w, {{stride, stride}, {pad, pad}, {pad, pad}, {}, groups}, name);
  const ValueId scale = b.weight(name + ".scale", {DType::f32, {out, 1, 1}});
  const ValueId shift = b.weight(name + ".shift", {DType::f32, {out, 1, 1}});
  return b.map(argument(0) * argument(1) + argument(2), {y, scale, shift});
}

// a residual block, a depthwise one, squeeze and excite, pooling, a linear head
inline Graph image_network() {
  Builder b;
  ValueId x = b.map(
      relu(), {convolution(b, b.input("x", {DType::f32, {2, 3, 21, 19}}), 16, 3, 2, 1, "stem")});
  x = b.pool(x, {kind::PoolFn::max, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {}});
  const ValueId branch =
      convolution(b, b.map(relu(), {convolution(b, x, 16, 3, 1, 1, "a")}), 16, 3, 1, 1, "b");
  x = b.map(maximum(argument(0) + argument(1), constant(0)), {branch, x});
  x = b.map(apply(Fn::silu, {argument(0)}), {convolution(b, x, 16, 3, 1, 16, "depthwise")});
  const ValueId squeezed = b.reduce(kind::ReduceFn::mean, x, {2, 3});
  const ValueId gate =
      b.map(apply(Fn::sigmoid, {argument(0)}), {linear(b, squeezed, 16, "excite")});
  x = b.map(argument(0) * argument(1), {x, b.reshape(gate, {2, 16, 1, 1})});
  x = b.pool(x, {kind::PoolFn::mean, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {}, true});
  b.output(linear(b, b.reshape(x, {2, -1}), 10, "head"));
  return b.finish();
}

inline ValueId rms_norm(Builder& b, ValueId x, const std::string& name) {
  const ValueId gain = b.weight(name, {DType::f32, {b.shape(x).back()}});
  return b.map(argument(0) * argument(1), {b.normalize(x, {-1}, 1e-6, false), gain});
}

inline Graph language_layer() {  // grouped-query attention and SwiGLU over packed rows, then a loss
  Builder b;
  const std::int64_t rows = 14, width = 24, heads = 6, groups = 2, depth = 4;
  const auto ids = [&](const char* name) { return b.row_input(name, {DType::i32, {rows}}); };
  const ValueId seq = ids("seq"), pos = ids("pos"), tag = ids("tag"), token = ids("token"),
                target = ids("target");
  const ValueId table = b.weight("table", {DType::f32, {8, width}});
  ValueId x = b.gather(table, token);
  const ValueId h = rms_norm(b, x, "norm_1");
  const auto head = [&](const char* name, std::int64_t count) {
    return b.reshape(linear(b, h, count * depth, name), {rows, count, depth});
  };
  const kind::Rotary turn{depth};
  const ValueId q = b.rotary(rms_norm(b, head("q", heads), "q_norm"), pos, turn);
  const ValueId k = b.rotary(rms_norm(b, head("k", groups), "k_norm"), pos, turn);
  const ValueId mixed = b.attention({0.5, true}, {q, k, head("v", groups), seq, pos, tag});
  x = b.map(argument(0) + argument(1), {x, linear(b, b.reshape(mixed, {rows, -1}), width, "o")});
  const ValueId g = rms_norm(b, x, "norm_2");
  const ValueId product = b.map(apply(Fn::silu, {argument(0)}) * argument(1),
                                {linear(b, g, 40, "gate"), linear(b, g, 40, "up")});
  x = b.map(argument(0) + argument(1), {x, linear(b, product, width, "down")});
  const auto loss = b.add(kind::CrossEntropy{}, {rms_norm(b, x, "norm_3"), table, target}, "loss");
  b.output(x, "hidden");
  b.output(loss[0], "nll");
  return b.finish();
}

inline std::vector<std::pair<std::string, Graph>> fixed_graphs() {
  std::vector<std::pair<std::string, Graph>> result;
  result.emplace_back("classifier", classifier());
  result.emplace_back("image network", image_network());
  result.emplace_back("language layer", language_layer());
  return result;
}

}  // namespace pliant::cross
