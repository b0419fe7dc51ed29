// Normalisations.
#include <fmt/format.h>

#include "formats/onnx/rules/build.h"
#include "graph/blocks.h"

namespace pliant::onnx {

namespace {
namespace normalization {

ValueId affine(Call& c, ValueId x, ValueId scale, ValueId shift) {
  return c.b.map(argument(0) * argument(1) + argument(2), {x, scale, shift}, c.b.type(x).dtype);
}

void check_channels(Call& c, int first, int last) {
  if (c.rank(0) < 2) c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,...] expected");
  for (int i = first; i <= last; ++i)
    if (c.shape(i) != Shape{c.shape(0)[1]})
      c.fail(fmt::format("operand {} is {} for {}", i, to_string(c.type(i)), to_string(c.type(0))));
}

// Scale and shift per channel are operators on weights: whoever runs the graph folds them once.
Results batch_norm(Call& c) {
  if (c.integer("training_mode", 0) != 0 || (c.opset < 14 && c.wants(1)))
    throw NotMapped{"training mode"};
  if (c.integer("spatial", 1) == 0) throw NotMapped{"statistics per position"};
  check_channels(c, 1, 4);
  const DType dtype = c.type(1).dtype;
  const Expr deviation = unary(Fn::sqrt, argument(1) + constant(c.real("epsilon", 1e-5)));
  const ValueId scale = c.b.map(argument(0) / deviation, {c.in(1), c.in(4)}, dtype);
  const ValueId shift =
      c.b.map(argument(0) - argument(1) * argument(2), {c.in(2), c.in(3), scale}, dtype);
  return {affine(c, c.in(0), along_axis(c.b, scale, 1, c.rank(0)),
                 along_axis(c.b, shift, 1, c.rank(0)))};
}

Results instance_norm(Call& c) {
  if (c.rank(0) < 3)
    c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,spatial...] expected");
  check_channels(c, 1, 2);
  const ValueId y = c.b.normalize(c.in(0), axis_range(2, c.rank(0)), c.real("epsilon", 1e-5), true);
  return {
      affine(c, y, along_axis(c.b, c.in(1), 1, c.rank(0)), along_axis(c.b, c.in(2), 1, c.rank(0)))};
}

ValueId scaled_and_shifted(Call& c, ValueId y) {
  const DType dtype = c.type(0).dtype;
  if (c.has(1) && c.has(2)) return affine(c, y, c.in(1), c.in(2));
  if (c.has(1)) return c.b.map(argument(0) * argument(1), {y, c.in(1)}, dtype);
  return y;
}

Results layer_norm(Call& c) {
  const int axis = c.axis(c.integer("axis", -1), c.rank(0));
  const kind::Normalize kind{axis_range(axis, c.rank(0)), c.real("epsilon", 1e-5), true};
  if (!c.wants(1) && !c.wants(2)) return {scaled_and_shifted(c, c.b.add(kind, {c.in(0)})[0])};
  const auto parts = c.b.add(kind, {c.in(0)}, "", 3);
  const Expr inverse = unary(Fn::reciprocal, unary(Fn::sqrt, argument(0) + constant(kind.eps)));
  return {scaled_and_shifted(c, parts[0]), parts[1], c.b.map(inverse, {parts[2]}, c.type(0).dtype)};
}

Results rms_norm(Call& c) {
  const int axis = c.axis(c.integer("axis", -1), c.rank(0));
  return {scaled_and_shifted(
      c, c.b.normalize(c.in(0), axis_range(axis, c.rank(0)), c.real("epsilon", 1e-5), false))};
}

// opset 18 scales per group, 21 per channel
Results group_norm(Call& c) {
  const std::int64_t groups = c.integer("num_groups", 0);
  if (c.rank(0) < 3 || groups < 1 || c.shape(0)[1] % groups != 0)
    c.fail(fmt::format("{} groups of {}", groups, to_string(c.type(0))));
  const Shape& x = c.shape(0);
  Shape apart = x;
  apart[1] = x[1] / groups;
  apart.insert(apart.begin() + 1, groups);
  const int rank = apart.size();
  const ValueId y = c.b.normalize(c.b.reshape(c.in(0), apart), axis_range(2, rank),
                                  c.real("epsilon", 1e-5), true);
  if (c.shape(1) == Shape{groups} && groups != x[1])
    return {c.b.reshape(
        affine(c, y, along_axis(c.b, c.in(1), 1, rank), along_axis(c.b, c.in(2), 1, rank)), x)};
  check_channels(c, 1, 2);
  return {affine(c, c.b.reshape(y, x), along_axis(c.b, c.in(1), 1, c.rank(0)),
                 along_axis(c.b, c.in(2), 1, c.rank(0)))};
}

Results lp_norm(Call& c) {
  const int axis = c.axis(c.integer("axis", -1), c.rank(0));
  const std::int64_t p = c.integer("p", 2);
  if (p != 1 && p != 2) c.fail(fmt::format("p is {}", p));
  const DType dtype = c.type(0).dtype;
  const Expr term = p == 1 ? unary(Fn::absolute, argument(0)) : argument(0) * argument(0);
  const ValueId sum =
      c.b.reduce(kind::ReduceFn::sum, c.b.map(term, {c.in(0)}, dtype), {axis}, true);
  const Expr norm = p == 1 ? argument(1) : unary(Fn::sqrt, argument(1));
  const Expr zero = apply(Fn::equal, {argument(1), constant(0)});  // a zero vector stays zero
  return {c.b.map(select(zero, constant(0), argument(0) / norm), {c.in(0), sum}, dtype)};
}

Results mean_variance(Call& c) {
  const auto axes = c.axes(c.integers("axes").value_or(Integers{0, 2, 3}), c.rank(0));
  const DType dtype = c.type(0).dtype;
  const ValueId mean = c.b.reduce(kind::ReduceFn::mean, c.in(0), axes, true);
  const ValueId centred = c.b.map(argument(0) - argument(1), {c.in(0), mean}, dtype);
  const ValueId variance = c.b.reduce(
      kind::ReduceFn::mean, c.b.map(argument(0) * argument(0), {centred}, dtype), axes, true);
  const Expr y = argument(0) / (unary(Fn::sqrt, argument(1)) + constant(1e-9));
  return {c.b.map(y, {centred, variance}, dtype)};
}

// y = x / (bias + alpha / size * sum over neighbouring channels of x^2)^beta
Results local_response(Call& c) {
  if (c.rank(0) < 3)
    c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,spatial...] expected");
  const std::int64_t size = c.integer("size", 0);
  if (size < 1 || size > 1'000'000) c.fail(fmt::format("size {}", size));
  return {blocks::lrn(c.b, c.in(0), size, c.real("alpha", 1e-4), c.real("beta", 0.75),
                      c.real("bias", 1))};
}

constexpr RuleEntry rules[] = {
    {"BatchNormalization", batch_norm},           {"GroupNormalization", group_norm},
    {"InstanceNormalization", instance_norm},     {"LRN", local_response},
    {"LayerNormalization", layer_norm},           {"LpNormalization", lp_norm},
    {"MeanVarianceNormalization", mean_variance}, {"RMSNormalization", rms_norm},
    {"SimplifiedLayerNormalization", rms_norm},
};

}  // namespace normalization
}  // namespace

std::span<const RuleEntry> normalization_rules() { return normalization::rules; }

}  // namespace pliant::onnx
