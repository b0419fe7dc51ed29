// Builds graphs, and is the only way to get one: every operator passes its shape rule here, so a
// finished Graph is valid.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/graph.h"

namespace pliant {

class Builder {
 public:
  Builder() = default;
  Builder(const Builder&) = delete;

  // Leaves. Names (with the scope's prefix) must be new; throws Error{invalid}. An empty constant
  // name is made up.
  ValueId input(std::string name, TensorType type);
  // axis 0 is the row axis: the graph may run short (rows() = R)
  ValueId row_input(std::string name, TensorType type);
  ValueId weight(std::string name, TensorType type);
  ValueId constant(Tensor value, std::string name = "");
  ValueId constant(std::shared_ptr<const Tensor> value, std::string name = "");
  ValueId scalar(double value, DType dtype = DType::f32);

  const TensorType& type(ValueId id) const;
  const Value& value(ValueId id) const { return operand(id); }
  ValueId next() const { return graph_.values_.next(); }  // the id of the next new value
  const Shape& shape(ValueId id) const { return type(id).shape; }

  // The general door: applies the shape rule and appends. `name` is made unique by a suffix; empty:
  // made from the kind. Result values are named after the operator (and ".1", ".2" for further
  // results) or by `result_names`, which are taken as they are (no scope) and must be new.
  // `results`: see result_types(). Throws Error{invalid} naming the operator; the builder is then
  // as before.
  std::vector<ValueId> add(Kind kind, std::vector<ValueId> operands, std::string name = "",
                           int results = 1, std::vector<std::string> result_names = {});

  // New names for a result or constant and, if it is its operator's first result, for the operator
  // (`op_name`, or `name` if empty, made unique). For readers of files: what the doors below built
  // is named afterwards.
  void rename(ValueId id, const std::string& name, const std::string& op_name = "");

  // One door per kind; thin. Axes may be negative here (counted from the end). Attribute lists left
  // empty get their neutral values (start, low, high, interior 0; step, stride, dilation 1; a
  // slice's size: all). notation: any number of operands, "...", implicit output ("ij,jk"),
  // repeated labels, spaces, size-1 broadcasting.
  ValueId einsum(std::string_view notation, std::vector<ValueId> operands, std::string name = "");
  ValueId map(const Expr& expr, std::vector<ValueId> operands, std::optional<DType> dtype = {},
              std::string name = "");
  ValueId reduce(kind::ReduceFn fn, ValueId x, std::vector<int> axes, bool keep = false,
                 std::string name = "");
  ValueId gather(ValueId x, ValueId index, int axis = 0, int batch_axes = 0, std::string name = "");
  ValueId reshape(ValueId x, Shape shape, std::string name = "");  // one size may be -1
  ValueId slice(ValueId x, kind::Slice slice, std::string name = "");
  // one axis
  ValueId slice(ValueId x, int axis, std::int64_t start, std::int64_t size, std::string name = "");
  ValueId concat(std::vector<ValueId> parts, int axis, std::string name = "");
  ValueId pad(ValueId x, kind::Pad pad, std::string name = "");
  ValueId window(ValueId x, kind::Window window, std::string name = "");
  // an Einsum
  ValueId transpose(ValueId x, const std::vector<int>& permutation, std::string name = "");
  // a Map
  ValueId cast(ValueId x, DType dtype, std::string name = "");
  ValueId softmax(ValueId x, int axis, std::string name = "");
  ValueId normalize(ValueId x, std::vector<int> axes, double eps, bool centre,
                    std::string name = "");
  ValueId rotary(ValueId x, ValueId pos, kind::Rotary rotary, std::string name = "");
  ValueId rotary(ValueId x, ValueId pos, ValueId factors, kind::Rotary rotary,
                 std::string name = "");
  ValueId attention(kind::Attention attention, std::vector<ValueId> operands,
                    std::string name = "");
  ValueId convolve(ValueId x, ValueId weight, kind::Convolve convolve, std::string name = "");
  ValueId pool(ValueId x, kind::Pool pool, std::string name = "");

  // Prefixes the names of leaves and operators built while it lives: Builder::Scope scope(builder,
  // "layers.0");
  class Scope {
   public:
    Scope(Builder& builder, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;

   private:
    Builder& builder_;
    std::size_t length_;
  };

  // default: the value's name; output names are distinct
  void output(ValueId id, std::string name = "");
  // `out` becomes an output if it is none; types must be equal
  void carry(ValueId in, ValueId out);

  // Checks carries and the row axis (every operator on rows treats them independently, Attention
  // excepted) and gives the graph. Operators, weights and constants that no output needs are kept
  // out; inputs stay. The builder is empty afterwards. Throws Error{invalid} without outputs.
  Graph finish();

 private:
  ValueId leaf(std::string name, TensorType type, Role role);
  ValueId append(Value value);
  const Value& operand(ValueId id) const;
  std::string scoped(std::string_view name) const;
  std::string unique(const std::string& name);
  void claim(const std::string& name);
  int axis(ValueId x, int axis, std::string_view what) const;

  Graph graph_;
  std::string scope_;
  std::unordered_set<std::string> taken_;  // by values and operators
  std::unordered_set<std::string> output_names_;
  std::unordered_map<std::string, int> suffixes_;  // the last one tried, per name
};

}  // namespace pliant
