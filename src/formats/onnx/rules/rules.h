// What an import rule sees of one ONNX node: operands as values of the graph and, where known
// already, as constants; attributes with defaults. One rule per operator type, listed in rules.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx/file/model.h"
#include "graph/builder.h"

namespace pliant::onnx {

// A value while the model is imported. Constants enter the graph only when an operator there reads
// them.
struct Item {
  std::string name;
  TensorType type;
  ValueId id = ValueId::none;           // in the graph; none: not there (yet)
  std::shared_ptr<const Tensor> known;  // its elements, if they are known at import
  bool weight = false;                  // belongs to the store, is not to be folded
};

struct Result {
  ValueId id = ValueId::none;
  std::shared_ptr<const Tensor> known;  // instead of id
  Result(ValueId value) : id(value) {}  // NOLINT: rules return plain values
  Result(Tensor tensor) : known(std::make_shared<const Tensor>(std::move(tensor))) {}  // NOLINT
  Result(std::shared_ptr<const Tensor> tensor) : known(std::move(tensor)) {}           // NOLINT
};
// one per result of the node; trailing unwanted ones may be left out
using Results = std::vector<Result>;

struct NotMapped {  // thrown by a rule: the node has no counterpart in the graph and stays Opaque
  std::string reason;
};

class Call {
 public:
  // `values` caches the operands' ids in `builder` (none: enter it when asked for).
  Call(Builder& builder, const Node& node, std::int64_t opset, std::vector<const Item*> items,
       std::function<ValueId(int)> enter, std::int64_t budget);

  Builder& b;
  const Node& node;
  const std::int64_t opset;

  int operands() const { return items_.size(); }
  bool has(int i) const { return i < operands() && items_[i]; }
  bool wants(int result) const;
  ValueId in(int i);  // throws Error{invalid} if the operand is absent
  const TensorType& type(int i) const;
  const Shape& shape(int i) const { return type(i).shape; }
  int rank(int i) const { return shape(i).size(); }
  // null: absent, or not known at import
  const Tensor* known(int i) const;
  const Tensor& must_know(int i, std::string_view what) const;  // throws NotMapped
  Integers known_integers(int i, std::string_view what) const;
  std::vector<double> known_reals(int i, std::string_view what) const;

  std::int64_t known_integer(int i, std::string_view what) const;  // of one element
  double known_real(int i, std::string_view what) const;

  const NodeAttribute* attribute(const char* name) const;
  std::int64_t integer(const char* name, std::int64_t otherwise) const;
  double real(const char* name, double otherwise) const;
  std::string text(const char* name, const char* otherwise) const;
  std::optional<Integers> integers(const char* name) const;
  // an attribute that holds an ONNX element type
  DType dtype(const char* name, DType otherwise) const;

  // counts from the end when negative; throws Error{invalid}
  int axis(std::int64_t value, int rank) const;
  std::vector<int> axes(const Integers& values, int rank) const;  // sorted, distinct
  [[noreturn]] void fail(std::string problem) const;              // Error{invalid} at this node
  // throws Error{capacity} for constants beyond the budget
  void check_size(const TensorType& type) const;
  std::string place() const;

 private:
  const NodeAttribute* expect(const char* name, NodeAttribute::Type type) const;
  std::vector<const Item*> items_;
  std::function<ValueId(int)> enter_;
  std::int64_t budget_;
};

using Rule = Results (*)(Call&);
Rule find_rule(const Node& node);  // null if there is none

// One table of rules per source.
struct RuleEntry {
  std::string_view type;
  Rule rule;
};
std::span<const RuleEntry> constant_rules();
std::span<const RuleEntry> index_rules();
std::span<const RuleEntry> layout_rules();
std::span<const RuleEntry> linear_rules();
std::span<const RuleEntry> loss_rules();
std::span<const RuleEntry> normalization_rules();
std::span<const RuleEntry> pointwise_rules();
std::span<const RuleEntry> pooling_rules();
std::span<const RuleEntry> quantize_rules();
std::span<const RuleEntry> reduction_rules();
std::span<const RuleEntry> resize_rules();

std::string place_of(const Node& node);
// Result types of operators that stay Opaque and have a simple type rule; empty when there is none.
std::vector<TensorType> opaque_types(const Call& call);

}  // namespace pliant::onnx
