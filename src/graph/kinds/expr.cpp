#include "graph/kinds/expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/ids.h"

namespace pliant {
namespace {

struct FnInfo {
  std::string_view name;
  int arity;
};

constexpr std::string_view text_of(std::string_view enumerator) {
  return enumerator.ends_with('_') ? enumerator.substr(0, enumerator.size() - 1) : enumerator;
}

constexpr auto fn_table = by_enum<Fn>(std::to_array<FnInfo>({
#define PLIANT_ROW(name, arity) {text_of(#name), arity},
    PLIANT_EXPR_FUNCTIONS(PLIANT_ROW)
#undef PLIANT_ROW
}));

bool is_known(Fn fn) { return static_cast<std::size_t>(fn) < fn_table.size(); }

const FnInfo& info(Fn fn) {
  assert(is_known(fn));
  return fn_table[fn];
}

std::uint8_t operand(const Instruction& instruction, int i) {
  return i == 0 ? instruction.a : i == 1 ? instruction.b : instruction.c;
}

void set_operand(Instruction& instruction, int i, std::uint8_t to) {
  (i == 0 ? instruction.a : i == 1 ? instruction.b : instruction.c) = to;
}

// Appends instructions once each.
class Emitter {
 public:
  std::uint8_t put(const Instruction& instruction) {
    for (std::size_t i = 0; i < out_.code.size(); ++i)
      if (out_.code[i] == instruction) return static_cast<std::uint8_t>(i);
    if (out_.code.size() == Expr::max_instructions)
      throw Error(ErrorKind::invalid, "expression",
                  fmt::format("more than {} instructions", Expr::max_instructions),
                  "split it over two Maps");
    out_.code.push_back(instruction);
    return static_cast<std::uint8_t>(out_.code.size() - 1);
  }

  // Emits the whole of `expr`, with argument i replaced by inner[i] where `inner` is given. The
  // depth of recursion is bounded by max_instructions (twice, with inner).
  std::uint8_t emit(const Expr& expr, const std::vector<Expr>* inner = nullptr) {
    std::array<int, 256> memo;
    memo.fill(-1);
    return emit(expr, expr.code.size() - 1, inner, memo);
  }

  Expr take() { return std::move(out_); }

 private:
  std::uint8_t emit(const Expr& expr, std::size_t index, const std::vector<Expr>* inner,
                    std::array<int, 256>& memo) {
    if (memo[index] >= 0) return static_cast<std::uint8_t>(memo[index]);
    const Instruction& from = expr.code[index];
    std::uint8_t result = 0;
    if (from.fn == Fn::argument && inner) {
      result = emit((*inner)[from.a]);
    } else {
      Instruction copy;
      copy.fn = from.fn;
      if (from.fn == Fn::argument) copy.a = from.a;
      if (from.fn == Fn::constant) copy.value = from.value;
      for (int i = 0; i < arity(from.fn); ++i)
        set_operand(copy, i, emit(expr, operand(from, i), inner, memo));
      result = put(copy);
    }
    memo[index] = result;
    return result;
  }

  Expr out_;
};

double gelu_of(double x) { return 0.5 * x * (1 + std::erf(x * 0.70710678118654752440)); }
double gelu_tanh_of(double x) {
  return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

double compute(Fn fn, double a, double b, double c) {
  switch (fn) {
    case Fn::argument:
    case Fn::constant: break;  // the caller's
    case Fn::add: return a + b;
    case Fn::subtract: return a - b;
    case Fn::multiply: return a * b;
    case Fn::divide: return a / b;
    case Fn::minimum: return b < a ? b : a;
    case Fn::maximum: return b > a ? b : a;
    case Fn::power: return std::pow(a, b);
    case Fn::modulo: return std::fmod(a, b);
    case Fn::equal: return a == b;
    case Fn::less: return a < b;
    case Fn::less_equal: return a <= b;
    case Fn::and_: return a != 0 && b != 0;
    case Fn::or_: return a != 0 || b != 0;
    case Fn::negate: return -a;
    case Fn::absolute: return std::fabs(a);
    case Fn::sign: return a > 0 ? 1 : a < 0 ? -1 : a;  // NaN and both zeros stay
    case Fn::reciprocal: return 1 / a;
    case Fn::sqrt: return std::sqrt(a);
    case Fn::rsqrt: return 1 / std::sqrt(a);
    case Fn::exp: return std::exp(a);
    case Fn::log: return std::log(a);
    case Fn::sin: return std::sin(a);
    case Fn::cos: return std::cos(a);
    case Fn::tanh: return std::tanh(a);
    case Fn::erf: return std::erf(a);
    case Fn::sigmoid: return sigmoid_of(a);
    case Fn::silu: return a * sigmoid_of(a);
    case Fn::gelu: return gelu_of(a);
    case Fn::gelu_tanh: return gelu_tanh_of(a);
    case Fn::floor: return std::floor(a);
    case Fn::ceil: return std::ceil(a);
    case Fn::round_even: return std::nearbyint(a);
    case Fn::truncate: return std::trunc(a);
    case Fn::not_: return a == 0;
    case Fn::is_nan: return std::isnan(a);
    case Fn::stop: return a;
    case Fn::select: return a != 0 ? b : c;
  }
  assert(false);
  return 0;
}

std::int64_t saturate(double value) {
  if (std::isnan(value)) return 0;
  double rounded = std::nearbyint(value);
  if (rounded >= 9223372036854775808.0) return std::numeric_limits<std::int64_t>::max();
  if (rounded < -9223372036854775808.0) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(rounded);
}

std::int64_t wrap(std::uint64_t bits) { return static_cast<std::int64_t>(bits); }

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  std::uint64_t result = 1, factor = static_cast<std::uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor)
    if (exponent & 1) result *= factor;
  return wrap(result);
}

std::int64_t compute_int(Fn fn, std::int64_t a, std::int64_t b, std::int64_t c) {
  auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (fn) {
    case Fn::add: return wrap(ua + ub);
    case Fn::subtract: return wrap(ua - ub);
    case Fn::multiply: return wrap(ua * ub);
    case Fn::divide: return b == 0 ? 0 : b == -1 ? wrap(0 - ua) : a / b;
    case Fn::minimum: return b < a ? b : a;
    case Fn::maximum: return b > a ? b : a;
    case Fn::power: return integer_power(a, b);
    case Fn::modulo: return b == 0 || b == -1 ? 0 : a % b;
    case Fn::equal: return a == b;
    case Fn::less: return a < b;
    case Fn::less_equal: return a <= b;
    case Fn::and_: return a != 0 && b != 0;
    case Fn::or_: return a != 0 || b != 0;
    case Fn::negate: return wrap(0 - ua);
    case Fn::absolute: return a < 0 ? wrap(0 - ua) : a;
    case Fn::sign: return (a > 0) - (a < 0);
    case Fn::floor:
    case Fn::ceil:
    case Fn::round_even:
    case Fn::truncate:
    case Fn::stop: return a;
    case Fn::not_: return a == 0;
    case Fn::is_nan: return 0;
    case Fn::select: return a != 0 ? b : c;
    default: return saturate(compute(fn, static_cast<double>(a), 0, 0));
  }
}

}  // namespace

int arity(Fn fn) { return info(fn).arity; }
std::string_view name(Fn fn) { return info(fn).name; }

Fn fn_from_name(std::string_view text) {
  if (const auto found = fn_table.find([&](const FnInfo& each) { return each.name == text; }))
    return *found;
  throw Error(ErrorKind::format, "expression", fmt::format("unknown function '{}'", text));
}

bool Instruction::operator==(const Instruction& other) const {
  return fn == other.fn && a == other.a && b == other.b && c == other.c &&
         std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(other.value);
}

void validate(const Expr& expr, int operands) {
  auto refuse = [](std::string problem) {
    throw Error(ErrorKind::invalid, "expression", std::move(problem));
  };
  if (expr.code.empty()) refuse("no instructions");
  if (expr.code.size() > Expr::max_instructions)
    refuse(fmt::format("{} instructions, at most {}", expr.code.size(), Expr::max_instructions));
  for (std::size_t i = 0; i < expr.code.size(); ++i) {
    const Instruction& instruction = expr.code[i];
    if (!is_known(instruction.fn))
      refuse(fmt::format("instruction {} has the unknown function {}", i,
                         static_cast<int>(instruction.fn)));
    if (instruction.fn == Fn::argument && instruction.a >= operands)
      refuse(fmt::format("argument ${} of {} operand(s)", instruction.a, operands));
    for (int k = 0; k < arity(instruction.fn); ++k)
      if (operand(instruction, k) >= i)
        refuse(fmt::format("instruction {} ({}) reads instruction {}, which is not earlier", i,
                           name(instruction.fn), operand(instruction, k)));
  }
}

Expr argument(int operand_number) {
  if (operand_number < 0 || operand_number > 255)
    throw Error(ErrorKind::invalid, "expression",
                fmt::format("argument number {}, 0 to 255 expected", operand_number));
  return {{{Fn::argument, static_cast<std::uint8_t>(operand_number)}}};
}

Expr constant(double value) {
  Instruction instruction;
  instruction.value = std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
  return {{instruction}};
}

Expr apply(Fn fn, const std::vector<Expr>& operands) {
  if (fn == Fn::argument || fn == Fn::constant || static_cast<int>(operands.size()) != arity(fn))
    throw Error(ErrorKind::invalid, "expression",
                fmt::format("{} applied to {} operand(s), {} expected", name(fn), operands.size(),
                            arity(fn)));
  Emitter emitter;
  Instruction instruction;
  instruction.fn = fn;
  for (int i = 0; i < arity(fn); ++i) {
    validate(operands[i], 256);
    set_operand(instruction, i, emitter.emit(operands[i]));
  }
  emitter.put(instruction);
  return emitter.take();
}

Expr operator+(const Expr& a, const Expr& b) { return apply(Fn::add, {a, b}); }
Expr operator-(const Expr& a, const Expr& b) { return apply(Fn::subtract, {a, b}); }
Expr operator*(const Expr& a, const Expr& b) { return apply(Fn::multiply, {a, b}); }
Expr operator/(const Expr& a, const Expr& b) { return apply(Fn::divide, {a, b}); }
Expr maximum(const Expr& a, const Expr& b) { return apply(Fn::maximum, {a, b}); }
Expr minimum(const Expr& a, const Expr& b) { return apply(Fn::minimum, {a, b}); }
Expr select(const Expr& condition, const Expr& yes, const Expr& no) {
  return apply(Fn::select, {condition, yes, no});
}

Expr compose(const Expr& outer, const std::vector<Expr>& inner) {
  validate(outer, static_cast<int>(inner.size()));
  for (const Expr& each : inner) validate(each, 256);
  Emitter emitter;
  emitter.emit(outer, &inner);
  return emitter.take();
}

Expr canonical(const Expr& expr) {
  validate(expr, 256);
  Emitter emitter;
  emitter.emit(expr);
  return emitter.take();
}

int argument_count(const Expr& expr) {
  int count = 0;
  for (const Instruction& each : expr.code)
    if (each.fn == Fn::argument) count = std::max(count, each.a + 1);
  return count;
}

double evaluate(const Expr& expr, std::span<const double> operands) {
  std::array<double, Expr::max_instructions> values;
  for (std::size_t i = 0; i < expr.code.size(); ++i) {
    const Instruction& at = expr.code[i];
    values[i] = at.fn == Fn::argument   ? operands[at.a]
                : at.fn == Fn::constant ? at.value
                                        : compute(at.fn, values[at.a], values[at.b], values[at.c]);
  }
  return values[expr.code.size() - 1];
}

std::int64_t evaluate_int(const Expr& expr, std::span<const std::int64_t> operands) {
  std::array<std::int64_t, Expr::max_instructions> values;
  for (std::size_t i = 0; i < expr.code.size(); ++i) {
    const Instruction& at = expr.code[i];
    values[i] = at.fn == Fn::argument ? operands[at.a]
                : at.fn == Fn::constant
                    ? saturate(at.value)
                    : compute_int(at.fn, values[at.a], values[at.b], values[at.c]);
  }
  return values[expr.code.size() - 1];
}

}  // namespace pliant
