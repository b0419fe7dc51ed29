// Linear quantisation: visible as Maps with rounding.
#include <fmt/format.h>

#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace quantize {

// Scale or zero point: one number, or one per position along `axis`.
ValueId parameter(Call& c, int operand) {
  if (elements(c.shape(operand)) == 1)
    return c.rank(operand) == 0 ? c.in(operand) : c.b.reshape(c.in(operand), {});
  if (c.rank(operand) != 1 || c.integer("block_size", 0) != 0) throw NotMapped{"scales per block"};
  return along_axis(c.b, c.in(operand), c.axis(c.integer("axis", 1), c.rank(0)), c.rank(0));
}

Results quantize(Call& c) {
  DType dtype = c.has(2) ? c.type(2).dtype : c.dtype("output_dtype", DType::u8);
  if (is_float(dtype) || dtype == DType::boolean) throw NotMapped{"its result type"};
  const Expr steps = unary(Fn::round_even, argument(0) / argument(1));
  if (!c.has(2)) return {c.b.map(steps, {c.in(0), parameter(c, 1)}, dtype)};
  return {c.b.map(steps + argument(2), {c.in(0), parameter(c, 1), parameter(c, 2)}, dtype)};
}

Results dequantize(Call& c) {
  const DType dtype = c.type(1).dtype;
  if (!c.has(2)) return {c.b.map(argument(0) * argument(1), {c.in(0), parameter(c, 1)}, dtype)};
  return {c.b.map((argument(0) - argument(2)) * argument(1),
                  {c.in(0), parameter(c, 1), parameter(c, 2)}, dtype)};
}

// u8 over the range of the operand, zero included; results: quantised, scale, zero point
Results dynamic_quantize(Call& c) {
  const auto all = axis_range(0, c.rank(0));
  const auto extreme = [&](kind::ReduceFn fn) {
    return all.empty() ? c.in(0) : c.b.reduce(fn, c.in(0), all);
  };
  const ValueId low = extreme(kind::ReduceFn::min), high = extreme(kind::ReduceFn::max);
  const Expr zero = constant(0), first = argument(0);
  const Expr range = maximum(argument(1), zero) - minimum(first, zero);
  const ValueId scale = c.b.map(range / constant(255), {low, high}, DType::f32);
  const Expr point = unary(Fn::round_even, unary(Fn::negate, minimum(first, zero)) / argument(1));
  const ValueId zero_point = c.b.map(point, {low, scale}, DType::u8);
  const Expr steps = unary(Fn::round_even, argument(0) / argument(1)) + argument(2);
  return {c.b.map(steps, {c.in(0), scale, zero_point}, DType::u8), scale, zero_point};
}

constexpr RuleEntry rules[] = {{"DequantizeLinear", dequantize},
                               {"DynamicQuantizeLinear", dynamic_quantize},
                               {"QuantizeLinear", quantize}};

}  // namespace quantize
}  // namespace

std::span<const RuleEntry> quantize_rules() { return quantize::rules; }

}  // namespace pliant::onnx
