#include "machine/encrypted/graph/enclosure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace pliant::encrypted {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Interval kAnything{-kInfinity, kInfinity};
constexpr double kRounding = 0x1p-45;  // of library functions, relatively

// A function that falls to its only minimum and rises from there.
struct Dip {
  double from, to;  // the minimum is between them
  double least;     // not above it
};
constexpr Dip kSilu{-1.2785, -1.2784, -.278464543}, kGelu{-.7518, -.7517, -.169971208},
    kGeluTanh{-.7526, -.7523, -.170040751};

bool contains(const Interval& x, double value) { return x.low <= value && value <= x.high; }

double value(Fn fn, double x) {
  Expr expr{{{.fn = Fn::argument}, {.fn = fn}}};
  return evaluate(expr, std::span(&x, 1));
}

// Between its values at the ends.
Interval monotone(Fn fn, const Interval& x) {
  const double a = value(fn, x.low), b = value(fn, x.high);
  return {std::min(a, b), std::max(a, b)};
}

Interval dipping(Fn fn, const Interval& x, const Dip& dip) {
  Interval result = monotone(fn, x);
  if (x.low < dip.to && x.high > dip.from) result.low = std::min(result.low, dip.least);
  return result;
}

// Sine, which is largest at `top` and least half a turn from there.
Interval waving(Fn fn, const Interval& x, double top) {
  constexpr double turn = 2 * std::numbers::pi;
  const double slack = kRounding * (1 + x.magnitude());
  const auto reaches = [&](double phase) {
    return std::floor((x.high + slack - phase) / turn) >= std::ceil((x.low - slack - phase) / turn);
  };
  Interval result = monotone(fn, x);
  if (reaches(top)) result.high = 1;
  if (reaches(top + turn / 2)) result.low = -1;
  return result;
}

Interval quotient(const Interval& x, const Interval& by) {
  if (contains(by, 0)) return kAnything;
  const auto [low, high] =
      std::minmax({x.low / by.low, x.low / by.high, x.high / by.low, x.high / by.high});
  return {low, high};
}

Interval power(const Interval& x, const Interval& to) {
  const auto at = [](double a, double b) { return std::pow(a, b); };
  if (x.low > 0 || (x.low == 0 && to.low > 0)) {
    const auto [low, high] = std::minmax(
        {at(x.low, to.low), at(x.low, to.high), at(x.high, to.low), at(x.high, to.high)});
    return {low, high};
  }
  if (to.low != to.high || to.low != std::floor(to.low) || (to.low < 0 && contains(x, 0)))
    return kAnything;
  const double a = at(x.low, to.low), b = at(x.high, to.low);
  const bool even = std::fmod(to.low, 2) == 0;
  return {even && contains(x, 0) ? std::min(0.0, std::min(a, b)) : std::min(a, b), std::max(a, b)};
}

// The remainder rises with its dividend, and drops where the quotient's whole part changes.
Interval remainder(const Interval& x, const Interval& by) {
  if (contains(by, 0)) return kAnything;
  const double first = std::fmod(x.low, by.low), last = std::fmod(x.high, by.low);
  if (by.low == by.high && first <= last &&
      std::trunc(x.low / by.low) == std::trunc(x.high / by.low))
    return {first, last};
  const double most = std::min(x.magnitude(), by.magnitude());
  return {x.low < 0 ? -most : 0, x.high > 0 ? most : 0};
}

bool is_point(const Interval& x) { return x.low == x.high; }
Interval truth(const Interval& x) {
  return {contains(x, 0) ? 0.0 : 1.0, x == Interval{0, 0} ? 0.0 : 1.0};
}
Interval both(const Interval& a, const Interval& b) {
  return {std::min(a.low, b.low), std::min(a.high, b.high)};
}
Interval either(const Interval& a, const Interval& b) {
  return {std::max(a.low, b.low), std::max(a.high, b.high)};
}

Interval chosen(const Interval& condition, const Interval& yes, const Interval& no) {
  if (!contains(condition, 0)) return yes;
  return condition == Interval{0, 0} ? no : hull(yes, no);
}

// By the same operations as evaluate(), so that what rounds rounds alike: the ends of sums,
// products, quotients and roots need no margin.
Interval over(Fn fn, std::span<const Interval> x) {
  const bool apart = x.size() > 1 && (x[0].high < x[1].low || x[1].high < x[0].low);
  switch (fn) {
    case Fn::add: return x[0] + x[1];
    case Fn::subtract: return {x[0].low - x[1].high, x[0].high - x[1].low};
    case Fn::multiply: return x[0] * x[1];
    case Fn::divide: return quotient(x[0], x[1]);
    case Fn::minimum: return both(x[0], x[1]);
    case Fn::maximum: return either(x[0], x[1]);
    case Fn::power: return power(x[0], x[1]);
    case Fn::modulo: return remainder(x[0], x[1]);
    case Fn::equal: return {is_point(x[0]) && x[0] == x[1] ? 1.0 : 0.0, apart ? 0.0 : 1.0};
    case Fn::less: return {x[0].high < x[1].low ? 1.0 : 0.0, x[0].low < x[1].high ? 1.0 : 0.0};
    case Fn::less_equal:
      return {x[0].high <= x[1].low ? 1.0 : 0.0, x[0].low <= x[1].high ? 1.0 : 0.0};
    case Fn::and_: return both(truth(x[0]), truth(x[1]));
    case Fn::or_: return either(truth(x[0]), truth(x[1]));
    case Fn::not_: return {1 - truth(x[0]).high, 1 - truth(x[0]).low};
    case Fn::is_nan: return {0, 0};
    case Fn::absolute: {
      const Interval ends = monotone(fn, x[0]);
      return {contains(x[0], 0) ? 0 : ends.low, ends.high};
    }
    case Fn::reciprocal: return quotient({1, 1}, x[0]);
    case Fn::sqrt: return x[0].low < 0 ? kAnything : monotone(fn, x[0]);
    case Fn::rsqrt:
    case Fn::log: return x[0].low <= 0 ? kAnything : monotone(fn, x[0]);
    case Fn::sin: return waving(fn, x[0], std::numbers::pi / 2);
    case Fn::cos: return waving(fn, x[0], 0);
    case Fn::silu: return dipping(fn, x[0], kSilu);
    case Fn::gelu: return dipping(fn, x[0], kGelu);
    case Fn::gelu_tanh: return dipping(fn, x[0], kGeluTanh);
    case Fn::select: return chosen(x[0], x[1], x[2]);
    default: return monotone(fn, x[0]);  // exp, tanh, erf, sigmoid, negate, sign and what rounds
  }
}

// What the library's rounding can add to the ends.
Interval widened(Fn fn, const Interval& result, const Interval& operand) {
  double more = kRounding * result.magnitude(), least = -kInfinity, most = kInfinity;
  switch (fn) {
    case Fn::exp: least = 0; break;
    case Fn::sigmoid: least = 0, most = 1; break;
    case Fn::sin:
    case Fn::cos:
    case Fn::tanh:
    case Fn::erf: least = -1, most = 1; break;
    case Fn::gelu:
    case Fn::gelu_tanh: more += kRounding * operand.magnitude(); break;  // 1 + erf cancels
    case Fn::silu:
    case Fn::log:
    case Fn::power: break;
    default: return result;
  }
  return {std::max(result.low - more, least), std::min(result.high + more, most)};
}

bool is_infinite(const Interval& x) { return !std::isfinite(x.low) || !std::isfinite(x.high); }

// An infinite constant is a bound like others to these; an infinite interval may be no number.
bool takes(Fn fn, const Interval& operand) {
  if (!is_infinite(operand)) return true;
  const bool compares = fn == Fn::minimum || fn == Fn::maximum || fn == Fn::less ||
                        fn == Fn::less_equal || fn == Fn::equal || fn == Fn::select;
  return compares && is_point(operand);
}

using Values = std::array<Interval, Expr::max_instructions>;

Interval over_piece(const Expr& function, const Interval& operand, Values& values) {
  for (std::size_t i = 0; i < function.code.size(); ++i) {
    const Instruction& each = function.code[i];
    if (each.fn == Fn::argument) {
      values[i] = operand;
    } else if (each.fn == Fn::constant) {
      values[i] = {each.value, each.value};
    } else {
      const std::array<Interval, 3> own{values[each.a], values[each.b], values[each.c]};
      values[i] = enclosure(each.fn, {own.data(), static_cast<std::size_t>(arity(each.fn))});
      const bool square = each.fn == Fn::multiply && each.a == each.b;
      if (square) values[i].low = std::max(values[i].low, 0.0);
    }
  }
  return values[function.code.size() - 1];
}

}  // namespace

Interval enclosure(Fn fn, std::span<const Interval> operands) {
  for (const Interval& each : operands)
    if (!takes(fn, each)) return kAnything;
  const Interval result = widened(fn, over(fn, operands), operands[0]);
  return is_infinite(result) && !is_point(result) ? kAnything : result;
}

Interval enclosure(const Expr& function, const Interval& operand, int pieces) {
  if (is_infinite(operand) || !std::isfinite(operand.width())) return kAnything;
  Values values;
  Interval result{kInfinity, -kInfinity};
  const auto end = [&](int i) {
    return i == pieces ? operand.high : operand.low + operand.width() * i / pieces;
  };
  for (int i = 0; i < pieces; ++i)
    result = hull(result, over_piece(function, {end(i), end(i + 1)}, values));
  return result;
}

}  // namespace pliant::encrypted
