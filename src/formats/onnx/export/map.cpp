// A Map becomes one node per instruction. ONNX is typed: bool values and numbers are kept apart,
// numbers are computed in i64 when every operand and the result are integers, else in f32 (f64 when
// a type is).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.h"
#include "formats/onnx/export/export.h"
#include "graph/shapes/rules.h"

namespace pliant::onnx {

namespace {

struct Term {
  std::string name;
  bool truth = false;  // an ONNX bool; else a number of the computing type
  // of a constant, which becomes an initialiser only where a node reads it
  std::optional<double> value = {};
};

const char* binary_operator(Fn fn) {
  switch (fn) {
    case Fn::add: return "Add";
    case Fn::subtract: return "Sub";
    case Fn::multiply: return "Mul";
    case Fn::divide: return "Div";
    case Fn::minimum: return "Min";
    case Fn::maximum: return "Max";
    case Fn::power: return "Pow";
    case Fn::equal: return "Equal";
    case Fn::less: return "Less";
    case Fn::less_equal: return "LessOrEqual";
    case Fn::and_: return "And";
    case Fn::or_: return "Or";
    default: return nullptr;
  }
}

const char* unary_operator(Fn fn) {
  switch (fn) {
    case Fn::negate: return "Neg";
    case Fn::absolute: return "Abs";
    case Fn::sign: return "Sign";
    case Fn::reciprocal: return "Reciprocal";
    case Fn::sqrt: return "Sqrt";
    case Fn::exp: return "Exp";
    case Fn::log: return "Log";
    case Fn::sin: return "Sin";
    case Fn::cos: return "Cos";
    case Fn::tanh: return "Tanh";
    case Fn::erf: return "Erf";
    case Fn::sigmoid: return "Sigmoid";
    case Fn::floor: return "Floor";
    case Fn::ceil: return "Ceil";
    case Fn::round_even: return "Round";
    default: return nullptr;
  }
}

class MapWriter {
 public:
  MapWriter(Exporter& to, const Op& op, const kind::Map& map) : to_(to), op_(op), map_(map) {
    bool whole = !is_float(map.dtype), wide = map.dtype == DType::f64;
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      whole = whole && !is_float(to.type(op, i).dtype);
      wide = wide || to.type(op, i).dtype == DType::f64;
    }
    computing_ = whole ? DType::i64 : wide ? DType::f64 : DType::f32;
  }

  std::string write() {
    if (const auto single = plain_cast(); !single.empty()) return single;
    for (const auto& instruction : map_.expr.code) terms_.push_back(emit(instruction));
    return broadcast_result(converted(terms_.back()));
  }

 private:
  bool whole() const { return computing_ == DType::i64; }
  const Term& term(std::uint8_t at) const { return terms_[at]; }

  // A Map that only converts between floats, or to a wider integer.
  std::string plain_cast() {
    if (map_.expr.code.size() != 1 || map_.expr.code[0].fn != Fn::argument || op_.in.size() != 1)
      return "";
    const DType from = to_.type(op_, 0).dtype, dtype = map_.dtype;
    const bool widens =
        whole() && (dtype == DType::i64 || from == DType::boolean || dtype == DType::boolean);
    if (from == dtype) return to_.node("Identity", {to_.name(op_.in[0])});
    return is_float(dtype) || widens ? to_.cast(to_.name(op_.in[0]), from, dtype) : "";
  }

  std::string number(const Term& t) {
    if (t.value) return to_.scalar(*t.value, computing_);
    return t.truth ? to_.cast(t.name, DType::boolean, computing_) : t.name;
  }

  std::string truth(const Term& t) {
    if (t.truth) return t.name;
    return to_.node("Not", {to_.node("Equal", {number(t), to_.scalar(0, computing_)})});
  }

  Term argument_term(std::size_t operand) {
    used_.push_back(operand);
    const DType dtype = to_.type(op_, operand).dtype;
    const std::string& name = to_.name(op_.in[operand]);
    if (dtype == DType::boolean) return {name, true, {}};
    return {to_.cast(name, dtype, computing_), false, {}};
  }

  Term constant_term(double value) {
    if (whole())
      value = std::clamp(std::nearbyint(value), -9.2233720368547748e18, 9.2233720368547748e18);
    return {"", false, value};
  }

  Term emit(const Instruction& i) {
    switch (i.fn) {
      case Fn::argument: return argument_term(i.a);
      case Fn::constant: return constant_term(i.value);
      case Fn::stop: return term(i.a);
      case Fn::select:
        return {to_.node("Where", {truth(term(i.a)), number(term(i.b)), number(term(i.c))})};
      case Fn::not_: return {to_.node("Not", {truth(term(i.a))}), true, {}};
      case Fn::and_:
      case Fn::or_:
        return {to_.node(binary_operator(i.fn), {truth(term(i.a)), truth(term(i.b))}), true, {}};
      case Fn::equal:
      case Fn::less:
      case Fn::less_equal:
        return {to_.node(binary_operator(i.fn), {number(term(i.a)), number(term(i.b))}), true, {}};
      case Fn::is_nan:
        if (whole()) return {to_.node("Less", {number(term(i.a)), number(term(i.a))}), true, {}};
        return {to_.node("IsNaN", {number(term(i.a))}), true, {}};
      case Fn::modulo:
        return {to_.node("Mod", {number(term(i.a)), number(term(i.b))},
                         {{"fmod", attribute_of(std::int64_t{1})}})};
      default: break;
    }
    if (i.fn == Fn::maximum && !whole() && is_zero(i.b))
      return {to_.node("Relu", {number(term(i.a))})};
    if (const char* type = binary_operator(i.fn))
      return {to_.node(type, {number(term(i.a)), number(term(i.b))})};
    return {unary(i.fn, number(term(i.a)))};
  }

  bool is_zero(std::uint8_t at) const {
    const Instruction& i = map_.expr.code[at];
    return i.fn == Fn::constant && i.value == 0;
  }

  std::string unary(Fn fn, const std::string& x) {
    const bool keeps =
        fn == Fn::floor || fn == Fn::ceil || fn == Fn::round_even || fn == Fn::truncate;
    if (whole() && keeps) return x;
    if (!whole() || fn == Fn::negate || fn == Fn::absolute || fn == Fn::sign)
      return real_unary(fn, x, computing_);
    // a function of real numbers on integers: computed in reals, rounded
    const std::string y = real_unary(fn, to_.cast(x, DType::i64, DType::f64), DType::f64);
    return to_.cast(to_.node("Round", {y}), DType::f64, DType::i64);
  }

  std::string real_unary(Fn fn, const std::string& x, DType dtype) {
    const auto product = [&](const std::string& a, const std::string& b) {
      return to_.node("Mul", {a, b});
    };
    const auto number = [&](double value) { return to_.scalar(value, dtype); };
    switch (fn) {
      case Fn::rsqrt: return to_.node("Reciprocal", {to_.node("Sqrt", {x})});
      case Fn::silu: return product(x, to_.node("Sigmoid", {x}));
      case Fn::truncate:
        return product(to_.node("Sign", {x}), to_.node("Floor", {to_.node("Abs", {x})}));
      case Fn::gelu: {
        const std::string erf = to_.node("Erf", {product(x, number(0.70710678118654752))});
        return product(product(x, number(0.5)), to_.node("Add", {erf, number(1)}));
      }
      case Fn::gelu_tanh: {
        const std::string cube = product(product(product(x, x), x), number(0.044715));
        const std::string inner = product(to_.node("Add", {x, cube}), number(0.79788456080286536));
        return product(product(x, number(0.5)),
                       to_.node("Add", {to_.node("Tanh", {inner}), number(1)}));
      }
      default: break;
    }
    if (const char* type = unary_operator(fn)) return to_.node(type, {x});
    throw Error(ErrorKind::unsupported, op_.name,
                fmt::format("function {} has no ONNX operator", pliant::name(fn)));
  }

  struct Range {
    double low, high;
  };

  static Range range_of(DType dtype) {
    switch (dtype) {
      case DType::i8: return {-128, 127};
      case DType::u8: return {0, 255};
      case DType::i16: return {-32768, 32767};
      case DType::u16: return {0, 65535};
      case DType::i32: return {-2147483648.0, 2147483647.0};
      case DType::u32: return {0, 4294967295.0};
      case DType::u64: return {0, 9.2233720368547748e18};  // as far as i64 goes
      default: return {-9.2233720368547748e18, 9.2233720368547748e18};
    }
  }

  std::string converted(const Term& last) {
    const DType dtype = map_.dtype;
    if (last.truth) return to_.cast(last.name, DType::boolean, dtype);
    if (is_float(dtype)) return to_.cast(number(last), computing_, dtype);
    if (dtype == DType::boolean) return truth(last);
    std::string x = number(last);
    if (whole() && dtype == DType::i64) return x;
    DType from = computing_;
    if (!whole()) x = to_.node("Round", {x});
    if (from == DType::f32 && size_of(dtype) >= 4)
      x = to_.cast(x, from, DType::f64), from = DType::f64;
    const Range range = range_of(dtype);
    x = to_.node("Clip", {x, to_.scalar(range.low, from), to_.scalar(range.high, from)});
    return to_.cast(x, from, dtype);
  }

  // Operands that the expression does not read still widen the result.
  std::string broadcast_result(const std::string& x) {
    Shape shape;
    for (auto operand : used_) shape = broadcast(shape, to_.type(op_, operand).shape, op_.name);
    const Shape& wanted = to_.result(op_).shape;
    return shape == wanted ? x : to_.node("Expand", {x, to_.integers(wanted)});
  }

  Exporter& to_;
  const Op& op_;
  const kind::Map& map_;
  DType computing_ = DType::f32;
  std::vector<Term> terms_;
  std::vector<std::size_t> used_;
};

}  // namespace

std::string export_kind(Exporter& to, const Op& op, const kind::Map& kind) {
  return MapWriter(to, op, kind).write();
}

}  // namespace pliant::onnx
