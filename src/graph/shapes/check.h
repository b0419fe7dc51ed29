// Shared by the shape rules: refusals that name the operator, and checks of attribute lists.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/kinds/kinds.h"

namespace pliant::shape_check {

struct ShapeRule {  // one operator under test
  std::string_view place, kind;
  std::span<const TensorType> operands;

  // throws Error{invalid}
  [[noreturn]] void refuse(std::string problem, std::string next_step = "") const;
  // number of operands
  void count(std::size_t from, std::size_t to) const;
  void rank(std::size_t operand, std::size_t wanted) const;
  void floating(std::size_t operand) const;
  void same_dtype() const;
  void dtype(std::size_t operand, DType wanted) const;
  void axis(int axis, std::size_t rank) const;
  // sorted, distinct
  void axes(const kind::Axes& axes, std::size_t rank) const;
  // one per axis
  void length(const kind::Sizes& sizes, std::size_t wanted, std::string_view what) const;
  // every entry
  void at_least(const kind::Sizes& sizes, std::int64_t least, std::string_view what) const;
  void shape(std::size_t operand, const Shape& wanted) const;
  const Shape& shape(std::size_t operand) const { return operands[operand].shape; }
};

using Types = std::vector<TensorType>;
Types check(const ShapeRule& rule, const kind::Einsum& kind);
Types check(const ShapeRule& rule, const kind::Map& kind);
Types check(const ShapeRule& rule, const kind::Reduce& kind);
Types check(const ShapeRule& rule, const kind::Gather& kind);
Types check(const ShapeRule& rule, const kind::Reshape& kind);
Types check(const ShapeRule& rule, const kind::Slice& kind);
Types check(const ShapeRule& rule, const kind::Concat& kind);
Types check(const ShapeRule& rule, const kind::Pad& kind);
Types check(const ShapeRule& rule, const kind::Window& kind);
Types check(const ShapeRule& rule, const kind::Opaque& kind);
Types check(const ShapeRule& rule, const kind::Softmax& kind);
Types check(const ShapeRule& rule, const kind::Normalize& kind);
Types check(const ShapeRule& rule, const kind::Rotary& kind);
Types check(const ShapeRule& rule, const kind::Attention& kind);
Types check(const ShapeRule& rule, const kind::Convolve& kind);
Types check(const ShapeRule& rule, const kind::Pool& kind);
Types check(const ShapeRule& rule, const kind::CrossEntropy& kind);

}  // namespace pliant::shape_check
