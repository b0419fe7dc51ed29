// Maps: arithmetic is done as it is written, other functions of one encrypted value become
// polynomials.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "machine/encrypted/graph/enclosure.h"
#include "machine/encrypted/graph/lowering.h"

namespace pliant::encrypted {
namespace {

using einsum::PlacedTensor;

// What an operand of the expression is.
struct Given {
  bool encrypted = false;
  std::optional<double> constant = {};
  Interval range = {};
};

enum class Sort : std::uint8_t { constant, plain, encrypted };

// What is known of an instruction.
struct Known {
  Sort sort = Sort::constant;
  // The encrypted instruction that it is a function of, with constants at most besides; itself
  // where it takes more than one encrypted value or a tensor in the clear.
  std::size_t base = 0;
  bool arithmetic = true;  // sums and products from there on
  Interval range = {};
};

bool is_arithmetic(Fn fn) {
  return fn == Fn::add || fn == Fn::subtract || fn == Fn::multiply || fn == Fn::negate ||
         fn == Fn::stop || fn == Fn::divide;
}

std::vector<std::size_t> operands_of(const Instruction& i) {
  const std::vector<std::size_t> all{i.a, i.b, i.c};
  return {all.begin(), all.begin() + arity(i.fn)};
}

// Instructions 0 to `last`; `base` becomes argument 0, other arguments constants.
Expr function_of(const Expr& expr, const std::vector<Given>& given, std::size_t last,
                 std::size_t base) {
  Expr result;
  for (std::size_t k = 0; k <= last; ++k) {
    Instruction each = expr.code[k];
    if (k == base) each = {.fn = Fn::argument};
    else if (each.fn == Fn::argument)
      each = {.fn = Fn::constant, .value = given[each.a].constant.value_or(0)};
    result.code.push_back(each);
  }
  return result;
}

class Reading {
 public:
  Reading(const Expr& expr, const std::vector<Given>& given) : expr_(expr), given_(given) {
    for (std::size_t i = 0; i < expr.code.size(); ++i) known_.push_back(read(i));
  }

  const Known& operator[](std::size_t i) const { return known_[i]; }
  std::size_t last() const { return known_.size() - 1; }
  const std::string& refusal() const { return refusal_; }
  bool approximated(std::size_t i) const {
    return known_[i].sort == Sort::encrypted && !known_[i].arithmetic;
  }

 private:
  Known read(std::size_t i) {
    const Instruction& own = expr_.code[i];
    if (own.fn == Fn::constant) return {.range = {own.value, own.value}};
    if (own.fn == Fn::argument) {
      const Given& given = given_[own.a];
      const Sort sort = given.encrypted  ? Sort::encrypted
                        : given.constant ? Sort::constant
                                         : Sort::plain;
      return {sort, i, true, given.range};
    }
    Known result{.base = i};
    std::vector<std::size_t> bases;
    bool all_arithmetic = true;
    for (const std::size_t operand : operands_of(own)) {
      const Known& of = known_[operand];
      result.sort = std::max(result.sort, of.sort);
      if (of.sort == Sort::encrypted) {
        bases.push_back(of.base);
        all_arithmetic = all_arithmetic && of.arithmetic;
      }
      if (of.sort == Sort::plain) bases.push_back(i);
    }
    result.arithmetic = is_arithmetic(own.fn) && !divides_by_encrypted(own);
    if (result.sort == Sort::encrypted) join(own, bases, all_arithmetic, result);
    result.range = range(i, result);
    return result;
  }

  bool divides_by_encrypted(const Instruction& own) const {
    return own.fn == Fn::divide && known_[own.b].sort == Sort::encrypted;
  }

  void join(const Instruction& own, const std::vector<std::size_t>& bases, bool all_arithmetic,
            Known& result) {
    const bool one = std::ranges::all_of(bases, [&](std::size_t b) { return b == bases[0]; });
    if (one && bases[0] != result.base) {
      result.base = bases[0];
      result.arithmetic = result.arithmetic && all_arithmetic;
    } else if (!result.arithmetic && refusal_.empty()) {
      refusal_ = fmt::format("{} of more than one tensor", name(own.fn));
    }
  }

  Interval range(std::size_t i, const Known& own) const {
    const Instruction& code = expr_.code[i];
    const auto of = [&](std::size_t k) { return known_[k].range; };
    if (own.sort == Sort::encrypted && !own.arithmetic && own.base != i) return over_base(i, own);
    switch (code.fn) {
      case Fn::add: return of(code.a) + of(code.b);
      case Fn::subtract: return of(code.a) + of(code.b) * Interval{-1, -1};
      case Fn::multiply:
        if (code.a == code.b) return {0, std::pow(of(code.a).magnitude(), 2)};
        return of(code.a) * of(code.b);
      case Fn::negate: return of(code.a) * Interval{-1, -1};
      case Fn::stop: return of(code.a);
      default: break;
    }
    std::vector<Interval> operands;
    for (const std::size_t operand : operands_of(code)) operands.push_back(of(operand));
    return enclosure(code.fn, operands);
  }

  Interval over_base(std::size_t i, const Known& own) const {
    const Expr function = function_of(expr_, given_, i, own.base);
    return enclosure(function, known_[own.base].range);
  }

  const Expr& expr_;
  const std::vector<Given>& given_;
  std::vector<Known> known_;
  std::string refusal_;
};

bool same_places(const PlacedTensor& a, const PlacedTensor& b) {
  return a.layout.axes == b.layout.axes && a.layout.slots == b.layout.slots;
}

// What both promise.
einsum::SlotLayout joined(const einsum::SlotLayout& a, const einsum::SlotLayout& b, bool product) {
  einsum::SlotLayout result = a;
  result.clean = product ? a.clean || b.clean : a.clean && b.clean;
  if (a.copies != b.copies) result.copies.clear(), result.clean = false;
  return result;
}

// Lowers one instruction after the other, as they are needed.
class Evaluation {
 public:
  Evaluation(const Op& op, const kind::Map& map, const std::vector<OperandValue>& operands,
             const std::vector<Given>& given, Workbench& bench)
      : op_(op),
        expr_(map.expr),
        operands_(operands),
        given_(given),
        reading_(expr_, given_),
        bench_(bench),
        values_(expr_.code.size()) {}

  EncryptedValue run() { return value(reading_.last()); }

 private:
  bool encrypted(std::size_t i) const { return reading_[i].sort == Sort::encrypted; }
  bool constant(std::size_t i) const { return reading_[i].sort == Sort::constant; }
  double number(std::size_t i) const {
    return evaluate(function_of(expr_, given_, i, expr_.code.size()), {});
  }

  const EncryptedValue& value(std::size_t i) {
    if (values_[i]) return *values_[i];
    values_[i] = made(i);
    if (uses(i) > 1) values_[i]->scaling.reset();
    return *values_[i];
  }

  // How many instructions read the value: of those that a polynomial of the whole replaces, none.
  std::size_t uses(std::size_t i) const {
    const std::size_t end =
        reading_.approximated(reading_.last()) ? reading_[reading_.last()].base : reading_.last();
    std::size_t count = 0;
    for (std::size_t k = i + 1; k <= end; ++k)
      count += std::ranges::count(operands_of(expr_.code[k]), i);
    return count;
  }

  EncryptedValue made(std::size_t i) {
    const Instruction& own = expr_.code[i];
    if (own.fn == Fn::argument) return *operands_[own.a].encrypted;
    if (reading_.approximated(i)) return approximated(i);
    EncryptedValue result;
    switch (own.fn) {
      case Fn::add: result = sum(own.a, own.b, 1); break;
      case Fn::subtract: result = sum(own.a, own.b, -1); break;
      case Fn::multiply: result = product(own.a, own.b); break;
      case Fn::negate: result = bench_.times(value(own.a), -1); break;
      case Fn::divide: result = quotient(own.a, own.b); break;
      default: result = value(own.a);
    }
    result.range = reading_[i].range;
    return result;
  }

  EncryptedValue approximated(std::size_t i) {
    const std::size_t base = reading_[i].base;
    const EncryptedValue& x = value(base);
    const Expr function = function_of(expr_, given_, i, base);
    const Interval& range = reading_[base].range;
    const std::string place = fmt::format("operator {} ({})", op_.name, to_string(expr_));
    const RealFunction real{[&](double at) { return evaluate(function, std::span(&at, 1)); },
                            [&](const Interval& within) { return enclosure(function, within, 1); }};
    const Chebyshev polynomial =
        interpolate(real, {range.low - x.error, range.high + x.error}, bench_.options.approximation,
                    bench_.options.most_degree, place);
    if (!std::isfinite(reading_[i].range.magnitude()))
      throw Error(ErrorKind::invalid, place,
                  fmt::format("may have a pole, or be no number, within the range [{}, {}] of its "
                              "operand",
                              range.low, range.high),
                  "state a range without that point");
    bench_.notes.push_back(fmt::format(
        "{}: {} on [{:.4g}, {:.4g}] by degree {}, error {:.2g}", op_.name, to_string(function),
        polynomial.interval.low, polynomial.interval.high, polynomial.degree(), polynomial.error));
    PlacedTensor placed = bench_.placed(unit(x, polynomial.interval), true);
    const auto cells = element_cells(placed.layout);
    for (const auto& [number, own] : cells)
      bench_.take_terms((polynomial.degree() + 1) * std::ssize(own), place);
    for (auto& [number, id] : placed.ciphertexts)
      id = evaluate(polynomial, id, cells.at(number), bench_.builder);
    return {x.shape,
            {std::move(placed)},
            std::nullopt,
            polynomial.values,
            polynomial.slope * x.error + polynomial.error};
  }

  // From an interval to [-1, 1]; clean.
  EncryptedValue unit(const EncryptedValue& x, const Interval& interval) {
    EncryptedValue clean = bench_.settled(x);
    if (interval == Interval{-1, 1}) return clean;
    if (!clean.bases[0].layout.clean) clean.scaling.reset();  // the product cleans it
    return bench_.plus(bench_.times(clean, 2 / interval.width()),
                       -(interval.low + interval.high) / interval.width());
  }

  Shape shape_of(std::size_t i) {
    if (encrypted(i)) return value(i).shape;
    return constant(i) ? Shape{} : bench_.plain[tensor(i) - bench_.first_plain].shape;
  }

  // What is computed in the clear up to instruction i.
  int tensor(std::size_t i) {
    PlainTensor result;
    std::vector<int> numbers(operands_.size(), -1);
    for (std::size_t k = 0; k <= i; ++k) {
      Instruction each = expr_.code[k];
      if (each.fn == Fn::argument && reading_[k].sort != Sort::plain) {
        each = {.fn = Fn::constant, .value = given_[each.a].constant.value_or(0)};
      }
      result.expr.code.resize(k + 1);
      result.expr.code[k] = each;
    }
    result.expr = canonical(result.expr);
    for (Instruction& each : result.expr.code) {
      if (each.fn != Fn::argument) continue;
      const ValueId id = operands_[each.a].id;
      if (numbers[each.a] < 0) {
        numbers[each.a] = static_cast<int>(result.operands.size());
        result.operands.push_back(id);
        result.shape = broadcast_shape(result.shape, bench_.graph.value(id).type.shape);
      }
      each.a = static_cast<std::uint8_t>(numbers[each.a]);
    }
    return bench_.tensor(std::move(result), reading_[i].range.magnitude());
  }

  static Shape broadcast_shape(const Shape& a, const Shape& b) {
    Shape result = a.size() > b.size() ? a : b;
    for (std::size_t back = 1; back <= std::min(a.size(), b.size()); ++back)
      result[result.size() - back] = std::max(a[a.size() - back], b[b.size() - back]);
    return result;
  }

  EncryptedValue expanded(const EncryptedValue& value, const Shape& shape) {
    return value.shape == shape ? value : viewed(value, shape, broadcast(value.shape, shape));
  }

  EncryptedValue sum(std::size_t left, std::size_t right, double sign) {
    if (!encrypted(left)) {  // c - x = -x + c
      const EncryptedValue x = sign < 0 ? bench_.times(value(right), -1) : value(right);
      return plus(x, left, 1);
    }
    if (!encrypted(right)) return plus(value(left), right, sign);
    const EncryptedValue other = sign < 0 ? bench_.times(value(right), -1) : value(right);
    return sum(value(left), other);
  }

  EncryptedValue plus(const EncryptedValue& x, std::size_t term, double sign) {
    if (constant(term)) return bench_.plus(x, sign * number(term));
    const int clear = tensor(term);
    const Shape from = shape_of(term);
    const Shape shape = broadcast_shape(x.shape, from);
    EncryptedValue result = bench_.settled(expanded(x, shape));
    PlacedTensor& a = result.bases[0];
    const auto cells = element_cells(a.layout, broadcast(from, shape));
    const einsum::PlainId first = bench_.builder.next_plain();
    for (auto& [number, id] : a.ciphertexts)
      id = bench_.builder.add(id, einsum::Plain{bench_.clear(clear), cells.at(number), sign});
    bench_.scaled_too(result, first);
    return result;
  }

  EncryptedValue sum(const EncryptedValue& left, const EncryptedValue& right) {
    const Shape shape = broadcast_shape(left.shape, right.shape);
    const EncryptedValue x = bench_.settled(expanded(left, shape));
    const PlacedTensor& a = x.bases[0];
    const EncryptedValue y = bench_.settled(expanded(right, shape), &a.layout);
    PlacedTensor b = y.bases[0];
    if (!same_places(a, b)) b = bench_.moved(b, a.layout);
    PlacedTensor result{joined(a.layout, b.layout, false), {}};
    for (const auto& [number, id] : a.ciphertexts)
      result.ciphertexts[number] = bench_.builder.add(id, b.ciphertexts.at(number));
    return {shape, {std::move(result)}, std::nullopt,
            {},    x.error + y.error,   both(x.scaling, y.scaling)};
  }

  static std::optional<Scaling> both(std::optional<Scaling> a, const std::optional<Scaling>& b) {
    if (!a || !b) return std::nullopt;
    a->plains.insert(a->plains.end(), b->plains.begin(), b->plains.end());
    a->claims.insert(a->claims.end(), b->claims.begin(), b->claims.end());
    return a;
  }

  EncryptedValue product(std::size_t left, std::size_t right) {
    if (!encrypted(left)) std::swap(left, right);
    if (!encrypted(right)) return times(value(left), right);
    const EncryptedValue x = value(left), y = value(right);
    const double mx = reading_[left].range.magnitude(), my = reading_[right].range.magnitude();
    EncryptedValue result = product(x, y, left == right);
    result.error = mx * y.error + my * x.error + x.error * y.error;
    return result;
  }

  EncryptedValue product(const EncryptedValue& x, const EncryptedValue& y, bool square) {
    if (x.shape == y.shape) {
      const PlacedTensor a = bench_.placed(x), b = square ? a : bench_.placed(y, false, &a.layout);
      if (same_places(a, b)) {
        PlacedTensor result{joined(a.layout, b.layout, true), {}};
        for (const auto& [number, id] : a.ciphertexts)
          result.ciphertexts[number] = bench_.builder.rescale(
              bench_.builder.relinearize(bench_.builder.multiply(id, b.ciphertexts.at(number))));
        return {x.shape, {std::move(result)}, std::nullopt, {}, 0};
      }
    }
    const std::string labels = axis_labels(std::max(x.shape.size(), y.shape.size()));
    const auto own = [&](const Shape& shape) {
      return labels.substr(labels.size() - shape.size());
    };
    return bench_.contracted(own(x.shape) + "," + own(y.shape) + "->" + labels,
                             {{&x, -1, x.shape, x.range}, {&y, -1, y.shape, y.range}}, false,
                             op_.name);
  }

  EncryptedValue times(const EncryptedValue& x, std::size_t by) {
    if (constant(by)) return bench_.times(x, number(by));
    return times_tensor(x, tensor(by), shape_of(by), reading_[by].range);
  }

  EncryptedValue times_tensor(const EncryptedValue& x, int clear, const Shape& from,
                              const Interval& range) {
    const Shape shape = broadcast_shape(x.shape, from);
    const EncryptedValue wide = expanded(x, shape);
    const std::vector<std::int64_t> coefficient = broadcast(from, shape);
    const auto view = strided(wide);
    EncryptedValue result;
    if (view && view->offset == 0) {
      PlacedTensor a = bench_.placed(wide);
      const auto cells = element_cells(a.layout, coefficient);
      const einsum::PlainId first = bench_.builder.next_plain();
      for (auto& [number, id] : a.ciphertexts)
        id = bench_.builder.rescale(
            bench_.builder.multiply(id, einsum::Plain{bench_.clear(clear), cells.at(number), 1}));
      a.layout.clean = true;
      result = {shape, {std::move(a)}, std::nullopt, {}, 0, Scaling{}};
      bench_.scaled_too(result, first);
    } else {
      LinearMap map{{}, bench_.clear(clear), 1};
      const std::vector<Source> from_each = sources(wide);
      for (std::size_t e = 0; e < from_each.size(); ++e)
        if (from_each[e].base >= 0)
          map.terms.push_back({from_each[e], static_cast<std::int64_t>(e), coefficient[e]});
      result = bench_.linear(map, wide, shape, bench_.layouts(map, wide, shape));
    }
    result.error = range.magnitude() * x.error;
    return result;
  }

  EncryptedValue quotient(std::size_t left, std::size_t right) {
    if (constant(right)) return bench_.times(value(left), 1 / number(right));
    // the reciprocal, computed in the clear
    PlainTensor divisor = bench_.plain[tensor(right) - bench_.first_plain];
    divisor.expr = apply(Fn::reciprocal, {divisor.expr});
    const Interval range = enclosure(Fn::reciprocal, std::span(&reading_[right].range, 1));
    const Shape shape = divisor.shape;
    return times_tensor(value(left), bench_.tensor(std::move(divisor), range.magnitude()), shape,
                        range);
  }

  const Op& op_;
  const Expr& expr_;
  const std::vector<OperandValue>& operands_;
  const std::vector<Given>& given_;
  Reading reading_;
  Workbench& bench_;
  std::vector<std::optional<EncryptedValue>> values_;
};

std::optional<double> constant_of(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.role != Role::constant || elements(value.type.shape) != 1) return std::nullopt;
  return get(value.constant->view(), 0);
}

std::vector<Given> givens(const Op& op, const Graph& graph, const std::vector<bool>& encrypted) {
  std::vector<Given> result;
  for (std::size_t i = 0; i < op.in.size(); ++i)
    result.push_back({encrypted[i], constant_of(graph, op.in[i])});
  return result;
}

}  // namespace

EncryptedValue lower_map(const Op& op, const kind::Map& map,
                         const std::vector<OperandValue>& operands, Workbench& bench) {
  std::vector<Given> given;
  for (const OperandValue& operand : operands)
    given.push_back(
        {operand.encrypted != nullptr, constant_of(bench.graph, operand.id), operand.range});
  return Evaluation(op, map, operands, given, bench).run();
}

bool approximates(const Op& op, const Graph& graph, const std::vector<bool>& encrypted) {
  const auto* map = std::get_if<kind::Map>(&op.kind);
  if (map == nullptr) return false;
  const std::vector<Given> given = givens(op, graph, encrypted);
  const Reading reading(map->expr, given);
  for (std::size_t i = 0; i <= reading.last(); ++i)
    if (reading.approximated(i)) return true;
  return false;
}

std::string map_refusal(const kind::Map& map, const Op& op, const Graph& graph,
                        const std::vector<bool>& encrypted) {
  const std::vector<Given> given = givens(op, graph, encrypted);
  return Reading(map.expr, given).refusal();
}

Interval map_range(const kind::Map& map, const std::vector<Interval>& operands) {
  std::vector<Given> given;
  for (const Interval& operand : operands) given.push_back({false, std::nullopt, operand});
  const Reading reading(map.expr, given);
  return reading[reading.last()].range;
}

}  // namespace pliant::encrypted
