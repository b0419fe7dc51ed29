// A Map becomes one operator per instruction, in f32; comparisons give bool. Arithmetic of integers
// is not written.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "formats/tflite/writer.h"
#include "graph/shapes/rules.h"

namespace pliant::tflite {
namespace {

struct Term {
  Index x = -1;
  std::optional<double> value = {};  // of a constant, written where an operator reads it
};

struct Operator {
  Code code;
  OptionsKind options = OptionsKind::none;  // of those that have an activation: none
};

std::optional<Operator> binary_operator(Fn fn) {
  switch (fn) {
    case Fn::add: return Operator{Code::add, OptionsKind::add};
    case Fn::subtract: return Operator{Code::subtract, OptionsKind::subtract};
    case Fn::multiply: return Operator{Code::multiply, OptionsKind::multiply};
    case Fn::divide: return Operator{Code::divide, OptionsKind::divide};
    case Fn::minimum: return Operator{Code::minimum};
    case Fn::maximum: return Operator{Code::maximum};
    case Fn::power: return Operator{Code::power};
    case Fn::equal: return Operator{Code::equal};
    case Fn::less: return Operator{Code::less};
    case Fn::less_equal: return Operator{Code::less_equal};
    case Fn::and_: return Operator{Code::logical_and};
    case Fn::or_: return Operator{Code::logical_or};
    default: return {};
  }
}

std::optional<Code> unary_operator(Fn fn) {
  switch (fn) {
    case Fn::negate: return Code::negate;
    case Fn::absolute: return Code::absolute;
    case Fn::sign: return Code::sign;
    case Fn::sqrt: return Code::sqrt;
    case Fn::rsqrt: return Code::rsqrt;
    case Fn::exp: return Code::exp;
    case Fn::log: return Code::log;
    case Fn::sin: return Code::sin;
    case Fn::cos: return Code::cos;
    case Fn::tanh: return Code::tanh;
    case Fn::sigmoid: return Code::logistic;
    case Fn::floor: return Code::floor;
    case Fn::ceil: return Code::ceil;
    case Fn::round_even: return Code::round;
    default: return {};
  }
}

class MapWriter {
 public:
  MapWriter(Writer& to, const Op& op, const kind::Map& map) : to_(to), op_(op), map_(map) {
    rank_ = to.type(op.out[0]).shape.size();
    layout_ = rank_ == 4 ? to.common_layout(op.in) : Layout::plain;
    bool whole = !is_float(map.dtype) && map.dtype != DType::boolean;
    for (const ValueId id : op.in) whole = whole || !computes(to.type(id).dtype);
    const bool converts = map.expr.code.size() == 1;
    if (whole && !converts) to.refuse("arithmetic of integers is not written");
    if (map.dtype == DType::f64 || map.dtype == DType::f16 || map.dtype == DType::bf16)
      to.refuse(fmt::format("{} is not written, only f32", name(map.dtype)));
  }

  Made write() {
    const Writer::Bias* bias = to_.taken_over();
    const auto& code = map_.expr.code;
    for (std::size_t i = 0; i < code.size(); ++i)
      terms_.push_back(bias && bias->instruction == i
                           ? Term{to_.operand(op_.in[bias->convolved], rank_, layout_)}
                           : emit(code[i]));
    return {broadcast_result(converted(terms_.back())), layout_};
  }

 private:
  static bool computes(DType dtype) { return dtype == DType::f32 || dtype == DType::boolean; }

  const Term& term(std::uint8_t at) const { return terms_[at]; }

  Index any(const Term& t) { return t.value ? to_.scalar(*t.value) : t.x; }
  Index number(const Term& t) { return to_.cast(any(t), DType::f32); }
  Index truth(const Term& t) {
    const Index x = any(t);
    return to_.type(x).dtype == DType::boolean
               ? x
               : made(Code::not_equal, {x, to_.scalar(0)}, DType::boolean);
  }

  Index made(Code code, std::vector<Index> in, DType dtype = DType::f32, Options options = {}) {
    Shape shape;
    for (const Index x : in) shape = broadcast(shape, to_.type(x).shape, op_.name);
    return to_.op(code, std::move(in), {dtype, shape}, std::move(options));
  }

  Index binary(const Operator& op, Index a, Index b, DType dtype = DType::f32) {
    Options options{op.options, {}};
    if (op.options != OptionsKind::none) options.fields[0] = std::int8_t{0};
    return made(op.code, {a, b}, dtype, options);
  }

  Index product(Index a, Index b) { return binary(*binary_operator(Fn::multiply), a, b); }

  Term emit(const Instruction& i) {
    switch (i.fn) {
      case Fn::argument: return {to_.operand(op_.in[i.a], rank_, layout_)};
      case Fn::constant: return {-1, i.value};
      case Fn::stop: return term(i.a);
      case Fn::select:
        return {made(Code::select, {truth(term(i.a)), number(term(i.b)), number(term(i.c))})};
      case Fn::not_: return {made(Code::logical_not, {truth(term(i.a))}, DType::boolean)};
      case Fn::and_:
      case Fn::or_:
        return {binary(*binary_operator(i.fn), truth(term(i.a)), truth(term(i.b)), DType::boolean)};
      case Fn::equal:
      case Fn::less:
      case Fn::less_equal:
        return {
            binary(*binary_operator(i.fn), number(term(i.a)), number(term(i.b)), DType::boolean)};
      case Fn::is_nan: {
        const Index x = number(term(i.a));
        return {made(Code::not_equal, {x, x}, DType::boolean)};
      }
      default: break;
    }
    if (i.fn == Fn::maximum && is_constant(i.b, 0)) return {made(Code::relu, {number(term(i.a))})};
    if (const auto op = binary_operator(i.fn))
      return {binary(*op, number(term(i.a)), number(term(i.b)))};
    return {unary(i.fn, number(term(i.a)))};
  }

  bool is_constant(std::uint8_t at, double value) const {
    return terms_[at].value && *terms_[at].value == value;
  }

  Index unary(Fn fn, Index x) {
    if (const auto code = unary_operator(fn)) return made(*code, {x});
    switch (fn) {
      case Fn::reciprocal: return binary(*binary_operator(Fn::divide), to_.scalar(1), x);
      case Fn::silu: return product(x, made(Code::logistic, {x}));
      case Fn::truncate:
        return product(made(Code::sign, {x}), made(Code::floor, {made(Code::absolute, {x})}));
      case Fn::gelu:
      case Fn::gelu_tanh:
        return made(Code::gelu, {x}, DType::f32, {OptionsKind::gelu, {{0, fn == Fn::gelu_tanh}}});
      default: to_.refuse(fmt::format("the function {} has no TFLite operator", name(fn)));
    }
  }

  // TFLite cuts where the graph rounds to even and saturates.
  Index converted(const Term& last) {
    const DType dtype = map_.dtype;
    if (dtype == DType::boolean) return truth(last);
    const Index x = any(last);
    if (dtype == DType::f32) return number(last);
    if (!is_float(to_.type(x).dtype)) return widened(x);
    if (dtype != DType::i32 && dtype != DType::i64)
      to_.refuse(fmt::format("the conversion of f32 to {} is not written", name(dtype)));
    const Operator least{Code::minimum}, most{Code::maximum};
    // the largest f32 below 2^31
    const Index low = binary(most, made(Code::round, {x}), to_.scalar(-2147483648.0)),
                bounded = binary(least, low, to_.scalar(2147483520.0));
    if (dtype == DType::i64) to_.refuse("the conversion of f32 to i64 is not written");
    return to_.cast(bounded, dtype);
  }

  Index widened(Index x) {
    const DType from = to_.type(x).dtype;
    if (from != DType::boolean && size_of(map_.dtype) < size_of(from))
      to_.refuse("the conversion to narrower integers is not written");
    return to_.cast(x, map_.dtype);
  }

  // Operands that the expression does not read still widen the result.
  Index broadcast_result(Index x) {
    const Shape wanted = arranged(to_.type(op_.out[0]).shape, layout_);
    if (to_.type(x).shape == wanted) return x;
    return to_.op(Code::broadcast_to, {x, to_.integers(wanted)}, {to_.type(x).dtype, wanted});
  }

  Writer& to_;
  const Op& op_;
  const kind::Map& map_;
  std::size_t rank_ = 0;
  Layout layout_ = Layout::plain;
  std::vector<Term> terms_;
};

}  // namespace

Made write_kind(Writer& to, const Op& op, const kind::Map& kind) {
  return MapWriter(to, op, kind).write();
}

}  // namespace pliant::tflite
