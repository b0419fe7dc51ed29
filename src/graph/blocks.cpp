#include "graph/blocks.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace pliant::blocks {
namespace {

ValueId unary(Builder& b, const Expr& expr, ValueId x, const char* fallback, std::string name) {
  return b.map(expr, {x}, {}, name.empty() ? fallback : std::move(name));
}

ValueId affine(Builder& b, ValueId x, ValueId scale, ValueId bias, std::string name) {
  if (scale == none && bias == none) return x;
  if (scale == none) return add(b, x, bias, std::move(name));
  if (bias == none) return multiply(b, x, scale, std::move(name));
  return b.map(argument(0) * argument(1) + argument(2), {x, scale, bias}, {}, std::move(name));
}

// Normalizes the last axes and applies the affine; the name goes to whichever comes last.
ValueId normalize_last(Builder& b, ValueId x, ValueId scale, ValueId bias, double eps, bool centre,
                       std::string name) {
  std::vector<int> axes(scale == none ? 1 : b.shape(scale).size());
  std::iota(axes.begin(), axes.end(), -static_cast<int>(axes.size()));
  bool last = scale == none && bias == none;
  ValueId y = b.normalize(x, axes, eps, centre, last ? name : "");
  return affine(b, y, scale, bias, std::move(name));
}

Expr hard_sigmoid_expr(double alpha, double beta) {
  return minimum(maximum(argument(0) * constant(alpha) + constant(beta), constant(0)), constant(1));
}

}  // namespace

ValueId relu(Builder& b, ValueId x, std::string name) {
  return unary(b, maximum(argument(0), constant(0)), x, "relu", std::move(name));
}

ValueId sigmoid(Builder& b, ValueId x, std::string name) {
  return unary(b, pliant::apply(Fn::sigmoid, {argument(0)}), x, "sigmoid", std::move(name));
}

ValueId silu(Builder& b, ValueId x, std::string name) {
  return unary(b, pliant::apply(Fn::silu, {argument(0)}), x, "silu", std::move(name));
}

ValueId gelu(Builder& b, ValueId x, bool tanh_form, std::string name) {
  return unary(b, pliant::apply(tanh_form ? Fn::gelu_tanh : Fn::gelu, {argument(0)}), x, "gelu",
               std::move(name));
}

ValueId hard_sigmoid(Builder& b, ValueId x, double alpha, double beta, std::string name) {
  return unary(b, hard_sigmoid_expr(alpha, beta), x, "hard_sigmoid", std::move(name));
}

ValueId hard_swish(Builder& b, ValueId x, std::string name) {
  return unary(b, argument(0) * hard_sigmoid_expr(1.0 / 6, 0.5), x, "hard_swish", std::move(name));
}

ValueId clip(Builder& b, ValueId x, double low, double high, std::string name) {
  Expr expr = argument(0);
  if (low > -INFINITY) expr = maximum(expr, constant(low));
  if (high < INFINITY) expr = minimum(expr, constant(high));
  return unary(b, expr, x, "clip", std::move(name));
}

ValueId add(Builder& b, ValueId x, ValueId y, std::string name) {
  return b.map(argument(0) + argument(1), {x, y}, {}, name.empty() ? "add" : std::move(name));
}

ValueId multiply(Builder& b, ValueId x, ValueId y, std::string name) {
  return b.map(argument(0) * argument(1), {x, y}, {}, name.empty() ? "multiply" : std::move(name));
}

ValueId linear(Builder& b, ValueId x, ValueId w, ValueId bias, std::string name) {
  if (name.empty()) name = "linear";
  ValueId y = b.einsum("...i,oi->...o", {x, w}, bias == none ? name : name + ".product");
  return bias == none ? y : add(b, y, bias, std::move(name));
}

ValueId lora(Builder& b, ValueId x, ValueId w, ValueId down, ValueId up, double scale,
             std::string name) {
  ValueId base = linear(b, x, w, none, "base");
  ValueId change = linear(b, linear(b, x, down, none, "lora_down"), up, none, "lora_up");
  return b.map(argument(0) + constant(scale) * argument(1), {base, change}, {},
               name.empty() ? "lora" : std::move(name));
}

ValueId swiglu(Builder& b, ValueId x, ValueId gate, ValueId up, ValueId down, std::string name) {
  ValueId g = linear(b, x, gate, none, "gate"), u = linear(b, x, up, none, "up");
  ValueId h = b.map(pliant::apply(Fn::silu, {argument(0)}) * argument(1), {g, u}, {}, "swiglu");
  return linear(b, h, down, none, name.empty() ? "down" : std::move(name));
}

ValueId per_channel(Builder& b, ValueId x, ValueId value) {
  if (b.shape(x).size() <= 2) return value;
  Shape shape(b.shape(x).size() - 1, 1);
  shape[0] = elements(b.shape(value));
  return b.reshape(value, std::move(shape));
}

ValueId convolve(Builder& b, ValueId x, ValueId w, ValueId bias, kind::Convolve attributes,
                 std::string name) {
  if (name.empty()) name = "convolve";
  ValueId y = b.convolve(x, w, std::move(attributes), bias == none ? name : name + ".product");
  return bias == none ? y : add(b, y, per_channel(b, y, bias), std::move(name));
}

ValueId batch_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, ValueId mean, ValueId var,
                   double eps, std::string name) {
  if (name.empty()) name = "batch_norm";
  Expr factor = argument(0) * pliant::apply(Fn::rsqrt, {argument(1) + constant(eps)});
  ValueId a = b.map(factor, {scale, var}, {}, name + ".scale");
  ValueId c = b.map(argument(0) - argument(1) * argument(2), {bias, mean, a}, {}, name + ".shift");
  return affine(b, x, per_channel(b, x, a), per_channel(b, x, c), std::move(name));
}

TrainedNorm batch_norm_of_batch(Builder& b, ValueId x, ValueId scale, ValueId bias, double eps,
                                std::string name) {
  if (name.empty()) name = "batch_norm";
  const Shape shape = b.shape(x);
  const double count = static_cast<double>(elements(shape)) / static_cast<double>(shape.at(1));
  if (count < 2)
    throw Error(
        ErrorKind::invalid, name,
        fmt::format("channels of {} have one element, too few for a variance", to_string(shape)),
        "train with larger batches");
  std::vector<int> axes(shape.size() - 1);
  std::iota(axes.begin() + 1, axes.end(), 2);
  const std::vector<ValueId> normal =
      b.add(kind::Normalize{axes, eps, true}, {x}, name + ".normal", 3);
  const Shape channels{shape[1]};
  const ValueId y = affine(b, normal[kind::Normalize::y], per_channel(b, x, scale),
                           per_channel(b, x, bias), name);
  const ValueId mean = b.reshape(normal[kind::Normalize::mean], channels, name + ".mean");
  const ValueId biased = b.reshape(normal[kind::Normalize::variance], channels, name + ".biased");
  return {y, mean,
          b.map(argument(0) * constant(count / (count - 1)), {biased}, {}, name + ".variance")};
}

ValueId negative_log_likelihood(Builder& b, ValueId logits, ValueId label, std::string name) {
  if (name.empty()) name = "negative_log_likelihood";
  const std::int64_t rows = b.shape(logits).at(0);
  const ValueId all = b.reduce(kind::ReduceFn::logsumexp, logits, {1}, false, name + ".all");
  const ValueId index = b.reshape(label, {rows, 1}, name + ".index");
  const ValueId own =
      b.reshape(b.gather(logits, index, 1, 1, name + ".own"), {rows}, name + ".row");
  return b.map(argument(0) - argument(1), {all, own}, {}, std::move(name));
}

ValueId layer_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, double eps,
                   std::string name) {
  return normalize_last(b, x, scale, bias, eps, true,
                        name.empty() ? "layer_norm" : std::move(name));
}

ValueId rms_norm(Builder& b, ValueId x, ValueId scale, double eps, std::string name) {
  return normalize_last(b, x, scale, none, eps, false, name.empty() ? "rms_norm" : std::move(name));
}

ValueId lrn(Builder& b, ValueId x, std::int64_t size, double alpha, double beta, double k,
            std::string name) {
  const Shape shape = b.shape(x);
  if (shape.size() < 2 || size < 1)
    throw Error(ErrorKind::invalid, name.empty() ? "lrn" : name,
                fmt::format("normalisation over {} channels of {}", size, to_string(shape)));
  if (name.empty()) name = "lrn";
  ValueId square = b.map(argument(0) * argument(0), {x}, {}, name + ".square");
  ValueId channels = b.reshape(square, {shape[0], 1, shape[1], -1}, name + ".channels");
  kind::Pool pool{kind::PoolFn::mean,  {size, 1},     {1, 1},
                  {(size - 1) / 2, 0}, {size / 2, 0}, {1, 1}};
  ValueId mean = b.reshape(b.pool(channels, pool, name + ".mean"), shape, name + ".back");
  Expr norm =
      pliant::apply(Fn::power, {constant(k) + constant(alpha) * argument(1), constant(-beta)});
  return b.map(argument(0) * norm, {x, mean}, {}, std::move(name));
}

ValueId global_average_pool(Builder& b, ValueId x, std::string name) {
  std::vector<int> axes(b.shape(x).size() < 2 ? 0 : b.shape(x).size() - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return b.reduce(kind::ReduceFn::mean, x, axes, true,
                  name.empty() ? "global_average_pool" : std::move(name));
}

// The axes that grow get one small constant each, which the Map broadcasts against and does not
// read.
ValueId expand(Builder& b, ValueId x, const Shape& shape, std::string name) {
  std::vector<ValueId> operands = {x};
  const Shape from = b.shape(x);
  for (std::size_t back = 0; back < shape.size(); ++back) {
    std::int64_t size = shape[shape.size() - 1 - back];
    if (back < from.size() && from[from.size() - 1 - back] == size) continue;
    Shape one(back + 1, 1);
    one[0] = size;
    operands.push_back(b.constant(Tensor({DType::boolean, std::move(one)}), "expand.axis"));
  }
  return b.map(argument(0), std::move(operands), {}, name.empty() ? "expand" : std::move(name));
}

}  // namespace pliant::blocks
