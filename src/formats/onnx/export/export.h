// One export: the ONNX model under construction and the names given so far.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "formats/onnx/file/model.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant::onnx {

using Attributes = std::map<std::string, NodeAttribute>;

NodeAttribute attribute_of(std::int64_t value);
NodeAttribute attribute_of(Integers values);
NodeAttribute attribute_of(double value);
NodeAttribute attribute_of(std::string value);

class Exporter {
 public:
  Exporter(const Graph& graph, const WeightStore& weights);
  ModelDef run();

  // Appends a node of one result and gives the result's name.
  std::string node(const std::string& type, std::vector<std::string> in,
                   Attributes attributes = {});
  std::string integers(const Integers& values);                // an i64 initialiser [n]
  std::string scalar(double value, DType dtype);               // an initialiser of rank 0
  std::string tensor(Tensor values, const std::string& base);  // an initialiser
  std::string fresh(const std::string& base);
  std::string cast(const std::string& x, DType from, DType to);

  const TensorType& type(const Op& op, std::size_t operand) const {
    return graph_.value(op.in[operand]).type;
  }
  const TensorType& result(const Op& op) const { return graph_.value(op.out[0]).type; }
  const std::string& name(ValueId id) const { return names_[id]; }

 private:
  void name_values();
  void add_leaves();
  void add_op(const Op& op);
  void add_opaque(const Op& op, const kind::Opaque& kind);
  void finish_value(ValueId id, const std::string& made, std::size_t before);
  void add_outputs();

  const Graph& graph_;
  const WeightStore& weights_;
  ModelDef model_;
  ById<ValueId, std::string> names_;
  std::unordered_set<std::string> taken_;
  std::map<Integers, std::string> lists_;
  std::map<std::pair<DType, double>, std::string> scalars_;
  std::string op_name_;  // nodes are named after it
};

// One per core kind, and per composite kind that ONNX has. Each gives the name of the result.
std::string export_kind(Exporter& to, const Op& op, const kind::Einsum& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Map& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Reduce& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Gather& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Reshape& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Slice& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Concat& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Pad& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Window& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Softmax& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Convolve& kind);
std::string export_kind(Exporter& to, const Op& op, const kind::Pool& kind);

std::string export_pad(Exporter& to, std::string x, const TensorType& type, const kind::Pad& pad);

// Whether ONNX has an operator for it; others are decomposed first.
bool exported_whole(const Graph& graph, const Op& op);

}  // namespace pliant::onnx
