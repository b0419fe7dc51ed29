// Pointwise operators: each is one Map (variadic ones, a chain of them).
#include <cmath>
#include <limits>

#include "formats/onnx/file/types.h"
#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace pointwise {

const Expr x = argument(0), y = argument(1);

Results mapped(Call& c, const Expr& expr) { return {c.b.map(expr, {c.in(0)}, c.type(0).dtype)}; }
Results compared(Call& c, const Expr& expr) {
  return {c.b.map(expr, {c.in(0), c.in(1)}, DType::boolean)};
}

template <Fn fn>
Results one(Call& c) {
  return mapped(c, unary(fn, x));
}

template <Fn fn>
Results two(Call& c) {
  return {c.b.map(apply(fn, {x, y}), {c.in(0), c.in(1)}, c.type(0).dtype)};
}

template <Fn fn>
Results compare(Call& c) {
  return compared(c, apply(fn, {x, y}));
}

template <Fn fn>
Results compare_swapped(Call& c) {
  return compared(c, apply(fn, {y, x}));
}

template <Fn fn>
Results many(Call& c) {
  ValueId sum = c.in(0);
  for (int i = 1; i < c.operands(); ++i)
    sum = c.b.map(apply(fn, {x, y}), {sum, c.in(i)}, c.type(0).dtype);
  return {sum};
}

Results mean(Call& c) {
  const ValueId sum = many<Fn::add>(c)[0].id;
  return {c.b.map(x * constant(1.0 / c.operands()), {sum}, c.type(0).dtype)};
}

Results exclusive_or(Call& c) {
  return compared(c, apply(Fn::not_, {apply(Fn::equal, {truth(x), truth(y)})}));
}
Results negation(Call& c) { return {c.b.map(unary(Fn::not_, x), {c.in(0)}, DType::boolean)}; }
Results is_nan(Call& c) { return {c.b.map(unary(Fn::is_nan, x), {c.in(0)}, DType::boolean)}; }

Results is_infinite(Call& c) {
  const Expr largest = constant(c.type(0).dtype == DType::f64
                                    ? std::numeric_limits<double>::max()
                                    : static_cast<double>(std::numeric_limits<float>::max()));
  const bool high = c.integer("detect_positive", 1) != 0,
             low = c.integer("detect_negative", 1) != 0;
  const Expr above = greater(x, largest), below = greater(unary(Fn::negate, x), largest);
  const Expr none = apply(Fn::less, {x, x});
  const Expr expr = high && low ? apply(Fn::or_, {above, below})
                    : high      ? above
                    : low       ? below
                                : none;
  return {c.b.map(expr, {c.in(0)}, DType::boolean)};
}

Results where(Call& c) {
  const Expr chosen = select(argument(0), argument(1), argument(2));
  return {c.b.map(chosen, {c.in(0), c.in(1), c.in(2)}, c.type(1).dtype)};
}

// ONNX: with fmod = 0 the sign of the result is the divisor's.
Results modulo(Call& c) {
  const Expr rest = apply(Fn::modulo, {x, y});
  if (c.integer("fmod", 0) != 0) return two<Fn::modulo>(c);
  const Expr zero = constant(0);
  const Expr differ = apply(
      Fn::not_, {apply(Fn::equal, {apply(Fn::less, {rest, zero}), apply(Fn::less, {y, zero})})});
  const Expr expr = select(apply(Fn::and_, {truth(rest), differ}), rest + y, rest);
  return {c.b.map(expr, {c.in(0), c.in(1)}, c.type(0).dtype)};
}

Results raise(Call& c) {
  const DType dtype = c.type(0).dtype;
  const Expr expr = apply(Fn::power, {x, y});
  // an integer to a real power is computed in reals and cut, as ONNX's own reference does
  if (!is_float(dtype) && is_float(c.type(1).dtype))
    return {c.b.map(unary(Fn::truncate, expr), {c.in(0), c.in(1)}, dtype)};
  return {c.b.map(expr, {c.in(0), c.in(1)}, dtype)};
}

Results shift_bits(Call& c) {
  const Expr factor = apply(Fn::power, {constant(2), y});
  const Expr expr = c.text("direction", "LEFT") == "RIGHT" ? x / factor : x * factor;
  if (c.type(0).dtype == DType::u64) throw NotMapped{"shifts of u64"};
  return {c.b.map(expr, {c.in(0), c.in(1)}, c.type(0).dtype)};
}

Results relu(Call& c) { return mapped(c, maximum(x, constant(0))); }

Results leaky(Call& c) {
  return mapped(c,
                select(apply(Fn::less, {x, constant(0)}), x * constant(c.real("alpha", 0.01)), x));
}

Results prelu(Call& c) {
  const Expr expr = select(apply(Fn::less, {x, constant(0)}), x * y, x);
  return {c.b.map(expr, {c.in(0), c.in(1)}, c.type(0).dtype)};
}

Expr exp_minus_one(const Expr& e) { return unary(Fn::exp, e) - constant(1); }

Results elu(Call& c) {
  const Expr low = constant(c.real("alpha", 1)) * exp_minus_one(x);
  return mapped(c, select(apply(Fn::less, {x, constant(0)}), low, x));
}

Results selu(Call& c) {
  const Expr alpha = constant(c.real("alpha", 1.67326319217681884765625)),
             gamma = constant(c.real("gamma", 1.05070102214813232421875));
  return mapped(c, gamma * select(greater(x, constant(0)), x, alpha * exp_minus_one(x)));
}

Results celu(Call& c) {
  const Expr alpha = constant(c.real("alpha", 1));
  return mapped(c,
                maximum(x, constant(0)) + minimum(constant(0), alpha * exp_minus_one(x / alpha)));
}

Expr unit_clamp(const Expr& e) { return minimum(maximum(e, constant(0)), constant(1)); }

Results hard_sigmoid(Call& c) {
  return mapped(c, unit_clamp(x * constant(c.real("alpha", 0.2)) + constant(c.real("beta", 0.5))));
}

Results hard_swish(Call& c) {
  return mapped(c, x * unit_clamp(x * constant(1.0 / 6) + constant(0.5)));
}

// log(1 + e^x) without overflow
Expr softplus_of(const Expr& e) {
  const Expr tail =
      unary(Fn::log, constant(1) + unary(Fn::exp, unary(Fn::negate, unary(Fn::absolute, e))));
  return maximum(e, constant(0)) + tail;
}

Results softplus(Call& c) { return mapped(c, softplus_of(x)); }
Results softsign(Call& c) { return mapped(c, x / (constant(1) + unary(Fn::absolute, x))); }
Results mish(Call& c) { return mapped(c, x * unary(Fn::tanh, softplus_of(x))); }
Results swish(Call& c) {
  return mapped(c, x * unary(Fn::sigmoid, x * constant(c.real("alpha", 1))));
}

Results thresholded_relu(Call& c) {
  return mapped(c, select(greater(x, constant(c.real("alpha", 1))), x, constant(0)));
}

Results shrink(Call& c) {
  const double lambda = c.real("lambd", 0.5), bias = c.real("bias", 0);
  const Expr low = select(apply(Fn::less, {x, constant(-lambda)}), x + constant(bias), constant(0));
  return mapped(c, select(greater(x, constant(lambda)), x - constant(bias), low));
}

Results gelu(Call& c) {
  const std::string how = c.text("approximate", "none");
  if (how != "none" && how != "tanh") c.fail("approximate is '" + how + "'");
  return mapped(c, unary(how == "tanh" ? Fn::gelu_tanh : Fn::gelu, x));
}

Results clip(Call& c) {
  Expr expr = x;
  std::vector<ValueId> operands{c.in(0)};
  const auto limit = [&](int operand, const char* name, auto combine) {
    if (c.opset < 11) {
      if (c.attribute(name)) expr = combine(expr, constant(c.real(name, 0)));
    } else if (c.known(operand) && elements(c.shape(operand)) == 1) {
      expr = combine(expr, constant(get(c.known(operand)->view(), 0)));
    } else if (c.has(operand)) {
      operands.push_back(c.in(operand));
      expr = combine(expr, argument(operands.size() - 1));
    }
  };
  limit(1, "min", [](const Expr& a, const Expr& b) { return maximum(a, b); });
  limit(2, "max", [](const Expr& a, const Expr& b) { return minimum(a, b); });
  return {c.b.map(expr, operands, c.type(0).dtype)};
}

Results tangent(Call& c) { return mapped(c, unary(Fn::sin, x) / unary(Fn::cos, x)); }

Expr half_exponentials(bool sum) {
  const Expr up = unary(Fn::exp, x), down = unary(Fn::exp, unary(Fn::negate, x));
  return constant(0.5) * (sum ? up + down : up - down);
}

Results hyperbolic_sine(Call& c) { return mapped(c, half_exponentials(false)); }
Results hyperbolic_cosine(Call& c) { return mapped(c, half_exponentials(true)); }

Results area_sine(Call& c) {  // by |x|: no cancellation for large negative x
  const Expr size = unary(Fn::absolute, x);
  return mapped(
      c, unary(Fn::sign, x) * unary(Fn::log, size + unary(Fn::sqrt, size * size + constant(1))));
}

Results area_cosine(Call& c) {
  return mapped(c, unary(Fn::log, x + unary(Fn::sqrt, x * x - constant(1))));
}

Results area_tangent(Call& c) {
  return mapped(c, constant(0.5) * unary(Fn::log, (constant(1) + x) / (constant(1) - x)));
}

Results cast(Call& c) { return {onnx_cast(c.b, c.in(0), c.dtype("to", c.type(0).dtype))}; }
Results cast_like(Call& c) { return {onnx_cast(c.b, c.in(0), c.type(1).dtype)}; }
Results identity(Call& c) { return {c.in(0)}; }

// At inference dropout passes its operand; the mask, if wanted, keeps everything.
Results dropout(Call& c) {
  if (c.opset >= 12 && c.has(2)) {
    const bool training = get(c.must_know(2, "training_mode").view(), 0) != 0;
    const double ratio = c.has(1) ? c.known_real(1, "ratio") : 0.5;
    if (training && ratio != 0) throw NotMapped{"training mode"};
  }
  Results results{c.in(0)};
  if (!c.wants(1)) return results;
  const TensorType type{c.opset >= 10 ? DType::boolean : c.type(0).dtype, c.shape(0)};
  c.check_size(type);
  Tensor mask(type);
  for (std::int64_t i = 0; i < elements(type.shape); ++i) set(mask.view(), i, 1);
  results.emplace_back(std::move(mask));
  return results;
}

constexpr RuleEntry rules[] = {
    {"Abs", one<Fn::absolute>},
    {"Acosh", area_cosine},
    {"Add", two<Fn::add>},
    {"And", compare<Fn::and_>},
    {"Asinh", area_sine},
    {"Atanh", area_tangent},
    {"BitShift", shift_bits},
    {"Cast", cast},
    {"CastLike", cast_like},
    {"Ceil", one<Fn::ceil>},
    {"Celu", celu},
    {"Clip", clip},
    {"Cos", one<Fn::cos>},
    {"Cosh", hyperbolic_cosine},
    {"Div", two<Fn::divide>},
    {"Dropout", dropout},
    {"Elu", elu},
    {"Equal", compare<Fn::equal>},
    {"Erf", one<Fn::erf>},
    {"Exp", one<Fn::exp>},
    {"Floor", one<Fn::floor>},
    {"Gelu", gelu},
    {"Greater", compare_swapped<Fn::less>},
    {"GreaterOrEqual", compare_swapped<Fn::less_equal>},
    {"HardSigmoid", hard_sigmoid},
    {"HardSwish", hard_swish},
    {"Identity", identity},
    {"IsInf", is_infinite},
    {"IsNaN", is_nan},
    {"LeakyRelu", leaky},
    {"Less", compare<Fn::less>},
    {"LessOrEqual", compare<Fn::less_equal>},
    {"Log", one<Fn::log>},
    {"Max", many<Fn::maximum>},
    {"Mean", mean},
    {"Min", many<Fn::minimum>},
    {"Mish", mish},
    {"Mod", modulo},
    {"Mul", two<Fn::multiply>},
    {"Neg", one<Fn::negate>},
    {"Not", negation},
    {"Or", compare<Fn::or_>},
    {"PRelu", prelu},
    {"Pow", raise},
    {"Reciprocal", one<Fn::reciprocal>},
    {"Relu", relu},
    {"Round", one<Fn::round_even>},
    {"Selu", selu},
    {"Shrink", shrink},
    {"Sigmoid", one<Fn::sigmoid>},
    {"Sign", one<Fn::sign>},
    {"Sin", one<Fn::sin>},
    {"Sinh", hyperbolic_sine},
    {"Softplus", softplus},
    {"Softsign", softsign},
    {"Sqrt", one<Fn::sqrt>},
    {"Sub", two<Fn::subtract>},
    {"Sum", many<Fn::add>},
    {"Swish", swish},
    {"Tan", tangent},
    {"Tanh", one<Fn::tanh>},
    {"ThresholdedRelu", thresholded_relu},
    {"Where", where},
    {"Xor", exclusive_or},
};

}  // namespace pointwise
}  // namespace

std::span<const RuleEntry> pointwise_rules() { return pointwise::rules; }

}  // namespace pliant::onnx
