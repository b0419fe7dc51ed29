#include "graph/shapes/rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "graph/shapes/check.h"

namespace pliant {
namespace shape_check {

void ShapeRule::refuse(std::string problem, std::string next_step) const {
  throw Error(ErrorKind::invalid, std::string(place), fmt::format("{}: {}", kind, problem),
              std::move(next_step));
}

void ShapeRule::count(std::size_t from, std::size_t to) const {
  if (operands.size() >= from && operands.size() <= to) return;
  refuse(fmt::format("{} operand(s), {} expected", operands.size(),
                     from == to ? fmt::format("{}", from) : fmt::format("{} to {}", from, to)));
}

void ShapeRule::rank(std::size_t operand, std::size_t wanted) const {
  if (shape(operand).size() != wanted)
    refuse(fmt::format("operand {} is {}, rank {} expected", operand, to_string(operands[operand]),
                       wanted));
}

void ShapeRule::floating(std::size_t operand) const {
  if (!is_float(operands[operand].dtype))
    refuse(fmt::format("operand {} is {}, a float type expected", operand,
                       to_string(operands[operand])),
           "cast it first");
}

void ShapeRule::same_dtype() const {
  for (std::size_t i = 1; i < operands.size(); ++i)
    if (operands[i].dtype != operands[0].dtype)
      refuse(fmt::format("operand {} is {} but operand 0 is {}", i, pliant::name(operands[i].dtype),
                         pliant::name(operands[0].dtype)),
             "cast one of them");
}

void ShapeRule::dtype(std::size_t operand, DType wanted) const {
  if (operands[operand].dtype != wanted)
    refuse(fmt::format("operand {} is {}, {} expected", operand, to_string(operands[operand]),
                       pliant::name(wanted)));
}

void ShapeRule::axis(int axis, std::size_t rank) const {
  if (axis < 0 || static_cast<std::size_t>(axis) >= rank)
    refuse(fmt::format("axis {} of rank {}", axis, rank));
}

void ShapeRule::axes(const kind::Axes& axes, std::size_t rank) const {
  for (int each : axes) axis(each, rank);
  for (std::size_t i = 1; i < axes.size(); ++i)
    if (axes[i] <= axes[i - 1])
      refuse(fmt::format("axis {} after axis {}: not sorted or repeated", axes[i], axes[i - 1]));
}

void ShapeRule::length(const kind::Sizes& sizes, std::size_t wanted, std::string_view what) const {
  if (sizes.size() != wanted)
    refuse(fmt::format("{} has {} entries, {} expected", what, sizes.size(), wanted));
}

void ShapeRule::at_least(const kind::Sizes& sizes, std::int64_t least,
                         std::string_view what) const {
  for (std::int64_t each : sizes)
    if (each < least) refuse(fmt::format("{} {}, at least {} expected", what, each, least));
}

void ShapeRule::shape(std::size_t operand, const Shape& wanted) const {
  if (shape(operand) != wanted)
    refuse(fmt::format("operand {} is {}, shape {} expected", operand, to_string(operands[operand]),
                       to_string(wanted)));
}

namespace {

void check_result(const ShapeRule& rule, const TensorType& type) {
  if (type.shape.size() > max_rank)
    rule.refuse(fmt::format("result of rank {}, at most {}", type.shape.size(), max_rank));
  rule.at_least(type.shape, 0, "result size");
  std::int64_t total = size_of(type.dtype);

  for (std::int64_t size : type.shape) {
    total = checked_multiply(total, std::max<std::int64_t>(size, 1), rule.place);
  }
}

}  // namespace
}  // namespace shape_check

std::vector<TensorType> result_types(const Kind& kind, std::span<const TensorType> operands,
                                     std::string_view place, int results) {
  shape_check::ShapeRule rule{place, name(kind), operands};
  std::vector<TensorType> types =
      std::visit([&](const auto& each) { return shape_check::check(rule, each); }, kind);
  if (std::holds_alternative<kind::Normalize>(kind)) {
    if (results != 1 && results != 3)
      rule.refuse(fmt::format("{} results wanted, 1 or 3 possible", results));
    types.resize(results);
  }
  for (const TensorType& type : types) shape_check::check_result(rule, type);
  return types;
}

Shape broadcast(const Shape& a, const Shape& b, std::string_view place) {
  Shape result(std::max(a.size(), b.size()));
  auto size_from_end = [](const Shape& shape, std::size_t i) {
    return i < shape.size() ? shape[shape.size() - 1 - i] : 1;
  };
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::int64_t x = size_from_end(a, i), y = size_from_end(b, i);
    if (x != y && x != 1 && y != 1)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("shapes {} and {} do not broadcast: {} against {}", to_string(a),
                              to_string(b), x, y));
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

std::int64_t window_count(std::int64_t size, std::int64_t low, std::int64_t high,
                          std::int64_t window, std::int64_t stride, std::int64_t dilation) {
  constexpr std::string_view place = "window count";
  std::int64_t reach = checked_add(checked_multiply(dilation, window - 1, place), 1, place);
  std::int64_t room =
      checked_add(checked_add(checked_add(size, low, place), high, place), -reach, place);
  return room < 0 ? 0 : room / stride + 1;
}

}  // namespace pliant
