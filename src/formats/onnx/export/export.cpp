#include "formats/onnx/export/export.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "formats/onnx/export/write.h"
#include "formats/onnx/file/types.h"
#include "formats/onnx/opaque.h"
#include "graph/passes/passes.h"

namespace pliant::onnx {

NodeAttribute attribute_of(std::int64_t value) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::integer, a.integer = value;
  return a;
}

NodeAttribute attribute_of(Integers values) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::integers, a.integers = std::move(values);
  return a;
}

NodeAttribute attribute_of(double value) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::real, a.real = value;
  return a;
}

NodeAttribute attribute_of(std::string value) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::text, a.text = std::move(value);
  return a;
}

namespace {

ValueInfo info_of(const std::string& name, const TensorType& type) {
  ValueInfo info{name, type.dtype, std::vector<Dim>{}};
  for (auto size : type.shape) info.dims->push_back({size, ""});
  return info;
}

}  // namespace

Exporter::Exporter(const Graph& graph, const WeightStore& weights)
    : graph_(graph), weights_(weights) {}

std::string Exporter::fresh(const std::string& base) {
  std::string name = base;
  for (int k = 1; !taken_.insert(name).second; ++k) name = fmt::format("{}_{}", base, k);
  return name;
}

std::string Exporter::node(const std::string& type, std::vector<std::string> in,
                           Attributes attributes) {
  std::string out = fresh(op_name_ + "/" + type);
  model_.graph.nodes.push_back({"", type, "", std::move(in), {out}, std::move(attributes)});
  return out;
}

std::string Exporter::tensor(Tensor values, const std::string& base) {
  std::string name = fresh(base);
  const TensorType type = values.type();
  model_.graph.initializers.push_back(
      {name, type, std::make_shared<const Tensor>(std::move(values)), "", false});
  return name;
}

std::string Exporter::integers(const Integers& values) {
  if (const auto found = lists_.find(values); found != lists_.end()) return found->second;
  Tensor list({DType::i64, {std::ssize(values)}});
  for (std::size_t i = 0; i < values.size(); ++i) set_int(list.view(), i, values[i]);
  return lists_[values] = tensor(std::move(list), "integers");
}

std::string Exporter::scalar(double value, DType dtype) {
  Tensor single({dtype, {}});
  set(single.view(), 0, value);
  if (value != value) return tensor(std::move(single), "scalar");
  std::string& name = scalars_[{dtype, value == 0 ? 0 : value}];
  if (name.empty()) name = tensor(std::move(single), "scalar");
  return name;
}

std::string Exporter::cast(const std::string& x, DType from, DType to) {
  if (from == to) return x;
  return node("Cast", {x}, {{"to", attribute_of(std::int64_t{onnx_type_of(to)})}});
}

// Output names come first: they are the model's interface. A value of the same name gives way.
void Exporter::name_values() {
  for (ValueId id : graph_.inputs()) taken_.insert(graph_.value(id).name);
  for (const auto& name : graph_.output_names()) taken_.insert(name);
  names_.resize(graph_.values().size());
  for (const ValueId id : names_.ids()) {
    const Value& value = graph_.value(id);
    bool own = value.role == Role::input;
    for (std::size_t k = 0; k < graph_.outputs().size(); ++k)
      own = own || (graph_.outputs()[k] == id && graph_.output_names()[k] == value.name &&
                    value.role == Role::result);
    names_[id] = own ? value.name : fresh(value.name);
  }
}

void Exporter::add_leaves() {
  auto& graph = model_.graph;
  for (ValueId id : graph_.inputs())
    graph.inputs.push_back(info_of(name(id), graph_.value(id).type));
  for (const ValueId id : names_.ids()) {
    const Value& value = graph_.value(id);
    if (value.role == Role::constant)
      graph.initializers.push_back({names_[id], value.type, value.constant, "", false});
    if (value.role != Role::weight) continue;
    auto plain = std::make_shared<const Tensor>(decode(weights_.at(value.name)));
    if (plain->type() != value.type)
      throw Error(ErrorKind::invalid, value.name,
                  fmt::format("the weight is {}, the graph has {}", to_string(plain->type()),
                              to_string(value.type)));
    graph.initializers.push_back({names_[id], value.type, std::move(plain), "", false});
  }
}

// The last node's result takes the value's name; where the value is made elsewhere, a node is added
// for it.
void Exporter::finish_value(ValueId id, const std::string& made, std::size_t before) {
  auto& nodes = model_.graph.nodes;
  if (nodes.size() == before || nodes.back().out[0] != made) node("Identity", {made});
  taken_.erase(nodes.back().out[0]);
  nodes.back().out[0] = name(id);
  nodes.back().name = op_name_;
}

void Exporter::add_opaque(const Op& op, const kind::Opaque& kind) {
  const OpaqueParts parts = opaque_from_text(kind.text.empty() ? "{}" : kind.text, op.name);
  Node node{kind.domain, kind.type, op.name, {}, {}, parts.attributes};
  for (ValueId id : op.in) node.in.push_back(name(id));
  for (auto at : parts.absent)
    node.in.insert(node.in.begin() + std::clamp<std::int64_t>(at, 0, std::ssize(node.in)), "");
  for (ValueId id : op.out) node.out.push_back(name(id));
  if (!kind.domain.empty()) model_.opsets.emplace(kind.domain, 1);
  model_.graph.nodes.push_back(std::move(node));
}

void Exporter::add_op(const Op& op) {
  op_name_ = op.name;
  const std::size_t before = model_.graph.nodes.size();
  std::visit(Overloaded{[&](const kind::Opaque& kind) { add_opaque(op, kind); },
                        [&](const auto& kind) {
                          if constexpr (requires { export_kind(*this, op, kind); }) {
                            finish_value(op.out[0], export_kind(*this, op, kind), before);
                          } else {
                            throw Error(
                                ErrorKind::unsupported, op.name,
                                fmt::format("{} has no ONNX operator", pliant::name(op.kind)));
                          }
                        }},
             op.kind);
  for (ValueId id : op.out) model_.graph.values.push_back(info_of(name(id), graph_.value(id).type));
}

void Exporter::add_outputs() {
  std::set<std::string> made;
  for (const auto& value : model_.graph.values) made.insert(value.name);
  for (std::size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    std::string wanted = graph_.output_names()[i];
    if (wanted != name(id) || graph_.value(id).role != Role::result) {
      const bool input = std::any_of(graph_.inputs().begin(), graph_.inputs().end(),
                                     [&](ValueId in) { return name(in) == wanted; });
      if (input) wanted = fresh(wanted + ".output");
      model_.graph.nodes.push_back({"", "Identity", "", {name(id)}, {wanted}, {}});
    }
    model_.graph.outputs.push_back(info_of(wanted, graph_.value(id).type));
  }
}

ModelDef Exporter::run() {
  model_.ir_version = 8;
  model_.opsets[""] = 17;
  model_.graph.name = "pliant";
  name_values();
  add_leaves();
  for (const Op& op : graph_.ops()) add_op(op);
  add_outputs();
  std::set<std::string> outputs;
  for (const auto& each : model_.graph.outputs) outputs.insert(each.name);
  std::erase_if(model_.graph.values,
                [&](const ValueInfo& info) { return outputs.contains(info.name); });
  return std::move(model_);
}

namespace {

ModelDef exported(const Graph& graph, const WeightStore& weights) {
  const Graph core = decompose(graph, [&](const Op& op) { return exported_whole(graph, op); });
  return Exporter(core, weights).run();
}

}  // namespace

}  // namespace pliant::onnx

namespace pliant {

std::string write_onnx(const Graph& graph, const WeightStore& weights) {
  return onnx::serialize_model(onnx::exported(graph, weights));
}

void write_onnx_file(const std::string& path, const Graph& graph, const WeightStore& weights,
                     std::int64_t inline_bytes) {
  const onnx::ModelDef model = onnx::exported(graph, weights);
  std::int64_t total = 0;
  for (const auto& each : model.graph.initializers) total += bytes(each.type);
  if (total <= inline_bytes) return write_file(path, onnx::serialize_model(model));
  std::string data;
  const std::string text = onnx::serialize_model(model, &data, file_name(path) + ".data");
  write_file(path + ".data", data);
  write_file(path, text);
}

}  // namespace pliant
