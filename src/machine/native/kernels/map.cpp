#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "map.cpp"
#include <algorithm>
#include <cmath>
#include <cstring>

#include "hwy/foreach_target.h"
#include "machine/native/kernels/convert.h"
#include "machine/native/kernels/kernels.h"
//
#include "hwy/contrib/math/math-inl.h"
#include "machine/native/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

constexpr F32 d32;

// A row of at most block_elements; a uniform one holds one vector of equal elements.
struct Slot {
  const float* p = nullptr;
  bool uniform = false;
  HWY_INLINE V32 at(std::int64_t i) const { return hn::LoadU(d32, uniform ? p : p + i); }
};

HWY_INLINE V32 constant(double value) { return hn::Set(d32, static_cast<float>(value)); }
HWY_INLINE V32 truth(hn::Mask<F32> mask) { return hn::IfThenElseZero(mask, constant(1)); }
// NaN is, too
HWY_INLINE hn::Mask<F32> is_true(V32 x) { return hn::Not(hn::Eq(x, hn::Zero(d32))); }

HWY_INLINE V32 logarithm(V32 x) {
  const V32 infinity = constant(HUGE_VAL);
  // inf and NaN are their own
  const V32 y = hn::IfThenElse(hn::Lt(x, infinity), hn::Log(d32, x), x);
  const V32 negative = hn::IfThenElse(hn::Lt(x, hn::Zero(d32)), constant(NAN), y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d32)), constant(-HUGE_VAL), negative);
}

HWY_INLINE V32 sigmoid(V32 x) {
  return hn::Div(constant(1), hn::Add(constant(1), exponential(hn::Neg(x))));
}

// Horner's rule, highest coefficient first.
template <std::size_t count>
HWY_INLINE V32 polynomial(V32 t, const double (&coefficients)[count]) {
  V32 y = constant(coefficients[0]);
  for (std::size_t i = 1; i < count; ++i) y = hn::MulAdd(y, t, constant(coefficients[i]));
  return y;
}

// erf(x) / x for |x| <= 1 as a polynomial in 2 x^2 - 1 (Chebyshev fit, relative error 1.4e-9).
HWY_INLINE V32 erf_small(V32 x) {
  static constexpr double c[] = {1.23164017e-06, -1.76690808e-05, 2.1751199e-04, -2.28541953e-03,
                                 1.98524977e-02, -1.40536097e-01, 9.65468739e-01};
  return hn::Mul(x, polynomial(hn::MulSub(constant(2), hn::Mul(x, x), constant(1)), c));
}

// erfc(x) = exp(P(t) - x^2), t = (x - 1) * 2/5 - 1, for x >= 1 (Chebyshev fit of log erfc + x^2 up
// to 6, error 3e-8).
HWY_INLINE V32 erfc_large(V32 x) {
  static constexpr double c[] = {5.7536603e-05,  -3.18945948e-04, 9.43884936e-04, -2.37938548e-03,
                                 5.92399411e-03, -1.43781132e-02, 3.41359143e-02, -8.16525307e-02,
                                 2.07792733e-01, -6.65248873e-01, -1.86243739};
  const V32 y = hn::Min(x, constant(6));
  const V32 value =
      hn::Exp(d32, hn::NegMulAdd(y, y, polynomial(hn::MulSub(y, constant(0.4), constant(1.4)), c)));
  return hn::IfThenZeroElse(hn::Gt(x, constant(6)), value);
}

HWY_INLINE V32 error_function(V32 x) {
  const V32 size = hn::Abs(x);
  const V32 large = hn::CopySign(hn::Sub(constant(1), erfc_large(hn::Max(size, constant(1)))), x);
  return hn::IfThenElse(hn::Gt(size, constant(1)), large, erf_small(x));
}

// x/2 erfc(-x / sqrt 2): no cancellation where x is negative.
HWY_INLINE V32 gelu(V32 x) {
  const V32 z = hn::Mul(x, constant(-0.70710678118654752));
  const V32 size = hn::Abs(z);
  const V32 tail = erfc_large(hn::Max(size, constant(1)));
  const V32 large = hn::IfThenElse(hn::Lt(z, hn::Zero(d32)), hn::Sub(constant(2), tail), tail);
  const V32 erfc =
      hn::IfThenElse(hn::Gt(size, constant(1)), large, hn::Sub(constant(1), erf_small(z)));
  return hn::Mul(hn::Mul(constant(0.5), x), erfc);
}

// x/2 (1 + tanh u) = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)
HWY_INLINE V32 gelu_tanh(V32 x) {
  const V32 u =
      hn::Mul(x, hn::MulAdd(hn::Mul(x, x), constant(0.0713548162726), constant(1.59576912160573)));
  return hn::Mul(x, sigmoid(u));
}

HWY_INLINE V32 sign(V32 x) {
  const V32 one = hn::IfThenElse(hn::Lt(x, hn::Zero(d32)), constant(-1), constant(1));
  return hn::IfThenElse(hn::Or(hn::Gt(x, hn::Zero(d32)), hn::Lt(x, hn::Zero(d32))), one, x);
}

#define PLIANT_LOOP(expression)                                       \
  for (std::int64_t i = 0; i < n; i += lanes32) {                     \
    const V32 x = a.at(i), y = b.at(i), z = c.at(i);                  \
    static_cast<void>(x), static_cast<void>(y), static_cast<void>(z); \
    hn::StoreU(expression, d32, out + i);                             \
  }                                                                   \
  return

void scalars(float (*f)(float, float), Slot a, Slot b, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(a.p[a.uniform ? 0 : i], b.p[b.uniform ? 0 : i]);
}

float scalar_modulo(float x, float y) { return std::fmod(x, y); }
float scalar_power(float x, float y) { return std::pow(x, y); }
float scalar_sine(float x, float) { return std::sin(x); }
float scalar_cosine(float x, float) { return std::cos(x); }

bool moderate(Slot a, std::int64_t n) {
  for (std::int64_t i = 0; i < (a.uniform ? 1 : n); ++i)
    if (!(std::fabs(a.p[i]) < 1000.0f)) return false;
  return true;
}

// Powers that are multiples of a quarter up to 4 are roots and products; others go through the
// library.
void power(Slot a, Slot b, float* out, std::int64_t n) {
  const float quarters = b.uniform ? std::fabs(b.p[0]) * 4 : NAN;
  if (!(quarters <= 16) || quarters != std::floor(quarters))
    return scalars(scalar_power, a, b, out, n);
  const int whole = static_cast<int>(quarters) / 4, part = static_cast<int>(quarters) % 4;
  for (std::int64_t i = 0; i < n; i += lanes32) {
    const V32 x = a.at(i);
    V32 y = constant(1);
    for (int k = 0; k < whole; ++k) y = hn::Mul(y, x);
    if (part != 0) {
      const V32 root = hn::Sqrt(x);
      if (part >= 2) y = hn::Mul(y, root);
      if (part % 2 == 1) y = hn::Mul(y, hn::Sqrt(root));
    }
    hn::StoreU(b.p[0] < 0 ? hn::Div(constant(1), y) : y, d32, out + i);
  }
}

// n: rounded up to whole vectors.
void step(Fn fn, Slot a, Slot b, Slot c, float* out, std::int64_t n) {
  switch (fn) {
    case Fn::argument:
    case Fn::constant: return;
    case Fn::add: PLIANT_LOOP(hn::Add(x, y));
    case Fn::subtract: PLIANT_LOOP(hn::Sub(x, y));
    case Fn::multiply: PLIANT_LOOP(hn::Mul(x, y));
    case Fn::divide: PLIANT_LOOP(hn::Div(x, y));
    case Fn::minimum: PLIANT_LOOP(hn::IfThenElse(hn::Lt(y, x), y, x));
    case Fn::maximum: PLIANT_LOOP(hn::IfThenElse(hn::Gt(y, x), y, x));
    case Fn::power: return power(a, b, out, n);
    case Fn::modulo: return scalars(scalar_modulo, a, b, out, n);
    case Fn::equal: PLIANT_LOOP(truth(hn::Eq(x, y)));
    case Fn::less: PLIANT_LOOP(truth(hn::Lt(x, y)));
    case Fn::less_equal: PLIANT_LOOP(truth(hn::Le(x, y)));
    case Fn::and_: PLIANT_LOOP(truth(hn::And(is_true(x), is_true(y))));
    case Fn::or_: PLIANT_LOOP(truth(hn::Or(is_true(x), is_true(y))));
    case Fn::negate: PLIANT_LOOP(hn::Neg(x));
    case Fn::absolute: PLIANT_LOOP(hn::Abs(x));
    case Fn::sign: PLIANT_LOOP(sign(x));
    case Fn::reciprocal: PLIANT_LOOP(hn::Div(constant(1), x));
    case Fn::sqrt: PLIANT_LOOP(hn::Sqrt(x));
    case Fn::rsqrt: PLIANT_LOOP(hn::Div(constant(1), hn::Sqrt(x)));
    case Fn::exp: PLIANT_LOOP(exponential(x));
    case Fn::log: PLIANT_LOOP(logarithm(x));
    case Fn::sin:
      if (!moderate(a, n)) return scalars(scalar_sine, a, a, out, n);
      PLIANT_LOOP(hn::Sin(d32, x));
    case Fn::cos:
      if (!moderate(a, n)) return scalars(scalar_cosine, a, a, out, n);
      PLIANT_LOOP(hn::Cos(d32, x));
    case Fn::tanh: PLIANT_LOOP(hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d32, x)));
    case Fn::erf: PLIANT_LOOP(error_function(x));
    case Fn::sigmoid: PLIANT_LOOP(sigmoid(x));
    case Fn::silu: PLIANT_LOOP(hn::Div(x, hn::Add(constant(1), exponential(hn::Neg(x)))));
    case Fn::gelu: PLIANT_LOOP(gelu(x));
    case Fn::gelu_tanh: PLIANT_LOOP(gelu_tanh(x));
    case Fn::floor: PLIANT_LOOP(hn::Floor(x));
    case Fn::ceil: PLIANT_LOOP(hn::Ceil(x));
    case Fn::round_even: PLIANT_LOOP(hn::Round(x));
    case Fn::truncate: PLIANT_LOOP(hn::Trunc(x));
    case Fn::not_: PLIANT_LOOP(truth(hn::Eq(x, hn::Zero(d32))));
    case Fn::is_nan: PLIANT_LOOP(truth(hn::IsNaN(x)));
    case Fn::stop: PLIANT_LOOP(x);
    case Fn::select: PLIANT_LOOP(hn::IfThenElse(is_true(x), y, z));
  }
}
#undef PLIANT_LOOP

HWY_INLINE std::int64_t whole_vectors(std::int64_t n) {
  return (n + lanes32 - 1) / lanes32 * lanes32;
}

// Reads an operand in place if whole vectors of it are there, else brings it into `slot`.
Slot bring(const Argument& from, std::int64_t start, std::int64_t n, float* slot) {
  const std::byte* data = from.data + start * from.stride * size_of(from.dtype);
  if (from.dtype == DType::f32 && from.stride == 1 && n % lanes32 == 0)
    return {reinterpret_cast<const float*>(data), false};
  const bool uniform = from.stride == 0;
  if (from.dtype == DType::f32 && from.stride == 1) {
    std::memcpy(slot, data, n * sizeof(float));
  } else {
    load_f32(data, from.dtype, from.stride, uniform ? 1 : n, slot);
  }
  if (uniform) hn::StoreU(hn::Set(d32, slot[0]), d32, slot);
  for (std::int64_t i = n; !uniform && i < whole_vectors(n); ++i) slot[i] = 0;
  return {slot, uniform};
}

void interpret_block(const Code& code, const Argument* arguments, std::byte* out, DType dtype,
                     std::int64_t start, std::int64_t n) {
  HWY_ALIGN float memory[Expr::max_instructions][block_elements];
  Slot slots[Expr::max_instructions];
  const std::size_t count = code.instructions.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Instruction& instruction = code.instructions[i];
    if (instruction.fn == Fn::argument) {
      slots[i] = bring(arguments[instruction.a], start, n, memory[i]);
    } else if (instruction.fn == Fn::constant) {
      hn::StoreU(hn::Set(d32, code.constants[i]), d32, memory[i]);
      slots[i] = {memory[i], true};
    } else {
      const int inputs = code.arities[i];
      const Slot a = slots[instruction.a];
      const Slot b = inputs > 1 ? slots[instruction.b] : a,
                 c = inputs > 2 ? slots[instruction.c] : a;
      const bool uniform = a.uniform && b.uniform && c.uniform;
      const bool direct = i + 1 == count && dtype == DType::f32 && n % lanes32 == 0 && !uniform;
      float* to = direct ? reinterpret_cast<float*>(out) + start : memory[i];
      step(instruction.fn, a, b, c, to, uniform ? lanes32 : whole_vectors(n));
      slots[i] = {to, uniform};
    }
  }
  const Slot last = slots[count - 1];
  std::byte* to = out + start * size_of(dtype);
  if (reinterpret_cast<const std::byte*>(last.p) == to) return;
  if (dtype == DType::f32 && !last.uniform) std::memmove(to, last.p, n * sizeof(float));
  else store_f32(last.p, last.uniform ? 0 : 1, to, dtype, n);
}

void interpret(const Code& code, const Argument* arguments, std::byte* out, DType dtype,
               std::int64_t n) {
  for (std::int64_t start = 0; start < n; start += block_elements)
    interpret_block(code, arguments, out, dtype, start, std::min(block_elements, n - start));
}

template <int vectors, typename Step>
HWY_INLINE void link(V32 (&y)[vectors], const Argument* argument, float constant, std::int64_t i,
                     std::int64_t part, Step step) {
  const bool row = argument != nullptr && argument->stride != 0;
  const float* p = argument == nullptr ? &constant : reinterpret_cast<const float*>(argument->data);
  if (!row) {
    const V32 x = hn::Set(d32, *p);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) y[v] = step(y[v], x);
    return;
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v)
    y[v] = step(y[v], part > 0 ? load_part(p + i, part) : hn::LoadU(d32, p + i + v * lanes32));
}

// Elements [i, i + vectors * lanes32), or i and the `part` - 1 behind it.
template <int vectors>
HWY_INLINE void chain_at(const StepChain& chain, const Argument* arguments, float* out,
                         std::int64_t i, std::int64_t part) {
  const float* start = reinterpret_cast<const float*>(arguments[chain.start].data) + i;
  V32 y[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v)
    y[v] = part > 0 ? load_part(start, part) : hn::LoadU(d32, start + v * lanes32);
  for (const StepChain::Link& each : chain.links) {
    const Argument* argument = each.argument < 0 ? nullptr : arguments + each.argument;
    const auto with = [&](auto step) HWY_ATTR { link(y, argument, each.constant, i, part, step); };
    switch (each.fn) {
      case Fn::add: with([](V32 a, V32 b) HWY_ATTR { return hn::Add(a, b); }); break;
      case Fn::multiply: with([](V32 a, V32 b) HWY_ATTR { return hn::Mul(a, b); }); break;
      case Fn::subtract:
        if (each.reversed) with([](V32 a, V32 b) HWY_ATTR { return hn::Sub(b, a); });
        else with([](V32 a, V32 b) HWY_ATTR { return hn::Sub(a, b); });
        break;
      case Fn::maximum:
        if (each.reversed)
          with([](V32 a, V32 b) HWY_ATTR { return hn::IfThenElse(hn::Gt(a, b), a, b); });
        else with([](V32 a, V32 b) HWY_ATTR { return hn::IfThenElse(hn::Gt(b, a), b, a); });
        break;
      default:  // minimum
        if (each.reversed)
          with([](V32 a, V32 b) HWY_ATTR { return hn::IfThenElse(hn::Lt(a, b), a, b); });
        else with([](V32 a, V32 b) HWY_ATTR { return hn::IfThenElse(hn::Lt(b, a), b, a); });
        break;
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    if (part > 0) store_part(y[v], out + i, part);
    else hn::StoreU(y[v], d32, out + i + v * lanes32);
  }
}

void affine(const StepChain::Affine& g, const float* x, const Argument* arguments, float* out,
            std::int64_t n) {
  const auto scalar = [&](int argument, float constant) {
    return argument < 0 ? constant : *reinterpret_cast<const float*>(arguments[argument].data);
  };
  const V32 scale = hn::Set(d32, scalar(g.scale, g.scale_constant));
  const V32 shift = hn::Set(d32, scalar(g.shift, g.shift_constant)), floor = hn::Set(d32, g.floor);
  const auto at = [&](V32 v) HWY_ATTR {
    const V32 y = hn::Add(hn::Mul(v, scale), shift);
    return hn::IfThenElse(hn::Gt(floor, y), floor, y);
  };
  std::int64_t i = 0;
  for (; i + 2 * lanes32 <= n; i += 2 * lanes32) {
    const V32 low = at(hn::LoadU(d32, x + i)), high = at(hn::LoadU(d32, x + i + lanes32));
    hn::StoreU(low, d32, out + i);
    hn::StoreU(high, d32, out + i + lanes32);
  }
  for (; i + lanes32 <= n; i += lanes32) hn::StoreU(at(hn::LoadU(d32, x + i)), d32, out + i);
  if (i < n) store_part(at(load_part(x + i, n - i)), out + i, n - i);
}

void chain(const StepChain& chain, const Argument* arguments, float* out, std::int64_t n) {
  if (chain.affine)
    return affine(*chain.affine, reinterpret_cast<const float*>(arguments[chain.start].data),
                  arguments, out, n);
  std::int64_t i = 0;
  for (; i + 4 * lanes32 <= n; i += 4 * lanes32) chain_at<4>(chain, arguments, out, i, 0);
  for (; i + lanes32 <= n; i += lanes32) chain_at<1>(chain, arguments, out, i, 0);
  if (i < n) chain_at<1>(chain, arguments, out, i, n - i);
}

void add(float* out, const float* x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + lanes32 <= n; i += lanes32)
    hn::StoreU(hn::Add(hn::LoadU(d32, out + i), hn::LoadU(d32, x + i)), d32, out + i);
  for (; i < n; ++i) out[i] += x[i];
}

const MapKernels* map_table() {
  static constexpr MapKernels table{interpret, chain, add};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(map_table);
const MapKernels& map_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(map_table)[target_index(isa)]();
}
}  // namespace pliant::native
#endif
