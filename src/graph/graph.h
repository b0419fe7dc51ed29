// The graph: a pure, fixed-shape, single-assignment DAG of operators. Built by Builder only; one
// that exists is valid.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/tensor.h"
#include "graph/kinds/kinds.h"

namespace pliant {

enum class ValueId : std::int32_t { none = -1 };
enum class OpId : std::int32_t { none = -1 };  // ascending ids are a topological order

enum class Role : std::uint8_t { input, constant, weight, result };

struct Value {
  std::string name;  // unique in the graph
  TensorType type;
  Role role = Role::result;
  OpId producer = OpId::none;              // for results
  bool rows = false;                       // axis 0 is the row axis, which may run short
  std::shared_ptr<const Tensor> constant;  // for constants; shared between graphs
};

struct Op {
  Kind kind;
  std::vector<ValueId> in, out;
  std::string name;  // unique; scopes are dotted prefixes ("layers.3.attention.q")
};

// a state: whoever runs the graph feeds `out` (a graph output) back as `in` (a graph input)
struct Carry {
  ValueId in = ValueId::none, out = ValueId::none;
};

class Graph {
 public:
  const ById<ValueId, Value>& values() const { return values_; }
  const ById<OpId, Op>& ops() const { return ops_; }
  const Value& value(ValueId id) const { return values_[id]; }
  const Op& op(OpId id) const { return ops_[id]; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  // may be inputs, weights or constants too
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  const std::vector<Carry>& carries() const { return carries_; }
  std::int64_t rows() const { return rows_; }  // the row capacity R; 0: no row axis

  std::optional<ValueId> find(std::string_view value_name) const;
  ById<ValueId, std::vector<OpId>> consumers() const;  // ascending, each op once

 private:
  friend class Builder;
  ById<ValueId, Value> values_;
  ById<OpId, Op> ops_;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<std::string> output_names_;
  std::vector<Carry> carries_;
  std::int64_t rows_ = 0;
  std::vector<ValueId> by_name_;  // ids in the order of their names
};

// Multiply-accumulates of one operator (Einsum of two operands or more: product of all label sizes;
// Convolve; Attention over all pairs of rows; CrossEntropy; others 0). Throws Error{invalid} on
// overflow.
std::int64_t macs(const Graph& graph, const Op& op);

}  // namespace pliant
