// The small expression of a Map: straight-line code over scalars, one result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

// Every function with the number of values it takes: the enumerator is the name in graph text, with
// a "_" where C++ has the word for itself. modulo: sign of the dividend (C's fmod). Comparisons and
// logic give 0 or 1. stop: identity without gradient. select(condition, if true, if false).
// clang-format off
#define PLIANT_EXPR_FUNCTIONS(FN)                                                        \
  FN(argument, 0) FN(constant, 0)                                                        \
  FN(add, 2) FN(subtract, 2) FN(multiply, 2) FN(divide, 2) FN(minimum, 2) FN(maximum, 2) \
  FN(power, 2) FN(modulo, 2)                                                             \
  FN(equal, 2) FN(less, 2) FN(less_equal, 2) FN(and_, 2) FN(or_, 2)                      \
  FN(negate, 1) FN(absolute, 1) FN(sign, 1) FN(reciprocal, 1) FN(sqrt, 1) FN(rsqrt, 1)   \
  FN(exp, 1) FN(log, 1) FN(sin, 1) FN(cos, 1) FN(tanh, 1) FN(erf, 1)                     \
  FN(sigmoid, 1) FN(silu, 1) FN(gelu, 1) FN(gelu_tanh, 1)                                \
  FN(floor, 1) FN(ceil, 1) FN(round_even, 1) FN(truncate, 1)                             \
  FN(not_, 1) FN(is_nan, 1) FN(stop, 1) FN(select, 3)
// clang-format on

enum class Fn : std::uint8_t {
#define PLIANT_ENUMERATOR(name, arity) name,
  PLIANT_EXPR_FUNCTIONS(PLIANT_ENUMERATOR)
#undef PLIANT_ENUMERATOR
};

int arity(Fn fn);                        // 0 to 3
std::string_view name(Fn fn);            // as written in graph text
Fn fn_from_name(std::string_view name);  // throws Error{format}

struct Instruction {
  Fn fn = Fn::constant;
  // earlier instructions; for argument, a is the operand's number
  std::uint8_t a = 0, b = 0, c = 0;
  double value = 0;  // for constant
  // constants by their bits: NaN equals NaN, 0 differs from -0
  bool operator==(const Instruction& other) const;
};

// At most 64 instructions; the last is the result. Valid when built by the functions below or
// accepted by validate(). maximum(a, b) is b > a ? b : a and minimum(a, b) is b < a ? b : a, so a
// NaN in the first operand stays.
struct Expr {
  static constexpr std::size_t max_instructions = 64;
  std::vector<Instruction> code;
  bool operator==(const Expr&) const = default;
};

// throws Error{invalid}: too long, forward reference, unknown argument
void validate(const Expr& expr, int operands);

Expr argument(int operand);
Expr constant(double value);
// shares equal sub-expressions; throws Error{invalid} beyond 64
Expr apply(Fn fn, const std::vector<Expr>& operands);
Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr maximum(const Expr& a, const Expr& b);
Expr minimum(const Expr& a, const Expr& b);
Expr select(const Expr& condition, const Expr& yes, const Expr& no);

// Argument i of `outer` becomes inner[i]; the arguments of every inner are numbered in one common
// list. Throws Error{invalid} beyond 64 instructions or when an argument has no inner.
Expr compose(const Expr& outer, const std::vector<Expr>& inner);

// The same function with instructions in order of first use (depth first), equal ones shared and
// unused ones gone: two expressions of one shape become equal. Everything the functions here build
// is canonical.
Expr canonical(const Expr& expr);

// one more than the highest argument used; 0 without arguments
int argument_count(const Expr& expr);

// "maximum(add($0,$1),0)"; what is used twice is named at its first use:
// "multiply(t0=tanh($0),t0)". Gives back the canonical expression exactly.
std::string to_string(const Expr& expr);
Expr expr_from_text(std::string_view text);  // throws Error{format} with the column

double evaluate(const Expr& expr, std::span<const double> operands);
// C semantics, wrapping; x/0 = 0 and x%0 = 0. Constants and functions of real numbers round to even
// and saturate.
std::int64_t evaluate_int(const Expr& expr, std::span<const std::int64_t> operands);

}  // namespace pliant
