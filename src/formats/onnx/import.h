// One import: the values met so far, the graph under construction, and the constants known on the
// way.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/pool.h"
#include "formats/onnx/file/model.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

class Importer {
 public:
  Importer(ModelDef model, const OnnxOptions& options, std::string_view place);
  OnnxModel run();

 private:
  // leaves.cpp
  void check_opset();
  void add_initializers(const GraphDef& graph);
  void add_inputs();
  void fix_inputs();
  TensorType input_type(const ValueInfo& info);
  void bind_symbols(const ValueInfo& info, const Shape& shape);
  std::optional<std::int64_t> size_of_dim(const Dim& dim) const;
  void check_options_used() const;
  // import.cpp
  void reserve_names(const GraphDef& graph);
  void import_nodes(const std::vector<Node>& nodes);
  void import_node(const Node& node);
  bool import_branch(const Node& node);
  Call call(Builder& builder, const Node& node, std::vector<ValueId>* scratch_ids);
  bool foldable(const Node& node) const;
  std::optional<Results> fold(const Node& node, Rule rule);
  Results keep_opaque(const Node& node, const std::string& reason);
  std::optional<TensorType> declared_type(const std::string& name) const;
  void settle(const Node& node, const Results& results);
  void name_new_values(const Node& node, const Results& results);
  void settle_known(const Node& node, const std::string& name,
                    std::shared_ptr<const Tensor> tensor);
  std::string fresh(const std::string& base);
  ValueId enter(Item& item);
  WeightStore store(const Graph& graph);

  ModelDef model_;
  const OnnxOptions& options_;
  std::string place_;
  Builder builder_;
  ThreadPool pool_{1};
  std::unordered_map<std::string, Item> items_;
  std::unordered_map<std::string, const ValueInfo*> declared_;
  std::unordered_map<std::string, std::int64_t> symbols_;
  std::unordered_set<std::string> names_;  // of the file's values: never given to intermediate ones
  std::unordered_set<ValueId> entered_;    // constants of the file
  ValueId settled_{0};                     // values below it have their final names
  std::int64_t budget_;
  OnnxModel result_;
};

}  // namespace pliant::onnx
