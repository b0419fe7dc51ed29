#include "formats/onnx/import.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "formats/onnx/expand.h"
#include "formats/onnx/opaque.h"
#include "formats/onnx/sort.h"
#include "graph/reference/reference.h"

namespace pliant::onnx {

namespace {

// elements; float constants beyond it are parameters
constexpr std::int64_t largest_plain_constant = 4;
constexpr std::int64_t most_fold_macs = 1'000'000'000;  // beyond it an operator stays in the graph

bool makes_parameters(const Node& node) {
  return node.type == "Constant" || node.type == "ConstantOfShape";
}

}  // namespace

Importer::Importer(ModelDef model, const OnnxOptions& options, std::string_view place)
    : model_(std::move(model)), options_(options), place_(place), budget_(options.constant_bytes) {}

OnnxModel Importer::run() {
  check_opset();
  expand_functions(model_, place_);
  reserve_names(model_.graph);
  for (const auto& [name, shape] : options_.shapes)
    if (shape.size() == 1) symbols_.emplace(name, shape[0]);
  add_initializers(model_.graph);
  add_inputs();
  for (const auto& each : model_.graph.values) declared_[each.name] = &each;
  for (const auto& each : model_.graph.outputs) declared_[each.name] = &each;
  import_nodes(model_.graph.nodes);
  for (const auto& each : model_.graph.outputs) {
    const auto found = items_.find(each.name);
    if (found == items_.end())
      throw Error(ErrorKind::invalid, place_,
                  fmt::format("nothing makes the output '{}'", each.name));
    builder_.output(enter(found->second), each.name);
  }
  result_.graph = builder_.finish();
  result_.weights = store(result_.graph);
  return std::move(result_);
}

void Importer::reserve_names(const GraphDef& graph) {
  for (const auto& each : graph.initializers) names_.insert(each.name);
  for (const auto& each : graph.inputs) names_.insert(each.name);
  for (const auto& node : graph.nodes) {
    names_.insert(node.out.begin(), node.out.end());
    for (const auto& [key, a] : node.attributes)  // as deep as the parser lets through
      if (a.graph) reserve_names(*a.graph);
  }
}

void Importer::import_nodes(const std::vector<Node>& nodes) {
  for (const Node* node :
       sorted(nodes, [&](const std::string& name) { return items_.contains(name); })) {
    try {
      import_node(*node);
    } catch (const Error& e) {
      const std::string place = place_of(*node);
      if (e.place().starts_with(place) || e.place().starts_with("node '")) throw;
      throw Error(e.kind(), place, e.problem(), e.next_step());
    }
  }
}

void Importer::import_node(const Node& node) {
  if (import_branch(node)) return;
  const Rule rule = find_rule(node);
  if (!rule) return settle(node, keep_opaque(node, "no such operator here"));
  try {
    if (auto folded = fold(node, rule)) return settle(node, *folded);
    Call mapped = call(builder_, node, nullptr);
    settle(node, rule(mapped));
  } catch (const NotMapped& why) {
    settle(node, keep_opaque(node, why.reason));
  }
}

// An If whose condition is known is its branch. Branches nest as deep as the parser lets through.
bool Importer::import_branch(const Node& node) {
  if (node.type != "If" || !node.domain.empty() || node.in.size() != 1) return false;
  const Item& condition = items_.at(node.in[0]);
  if (!condition.known || elements(condition.type.shape) != 1) return false;
  const auto branch =
      node.attributes.find(get(condition.known->view(), 0) != 0 ? "then_branch" : "else_branch");
  if (branch == node.attributes.end() || !branch->second.graph)
    throw Error(ErrorKind::invalid, place_of(node), "has no such branch");
  const GraphDef& body = *branch->second.graph;
  if (body.outputs.size() < node.out.size())
    throw Error(ErrorKind::invalid, place_of(node), "its branch has too few results");
  add_initializers(body);
  for (const auto& each : body.values) declared_[each.name] = &each;
  import_nodes(body.nodes);
  for (std::size_t i = 0; i < node.out.size(); ++i) {
    const auto found = items_.find(body.outputs[i].name);
    if (found == items_.end())
      throw Error(ErrorKind::invalid, place_of(node), "nothing makes its branch's result");
    enter(found->second);  // the result and the branch's value are one, also when it is a constant
    items_.insert_or_assign(node.out[i], Item(found->second));
  }
  return true;
}

Call Importer::call(Builder& builder, const Node& node, std::vector<ValueId>* scratch_ids) {
  std::vector<const Item*> operands;
  for (const auto& name : node.in) operands.push_back(name.empty() ? nullptr : &items_.at(name));
  while (!operands.empty() && !operands.back()) operands.pop_back();
  const auto enter_here = [this, &node, scratch_ids, &builder](int i) {
    Item& item = items_.at(node.in[i]);
    if (!scratch_ids) return enter(item);
    ValueId& id = (*scratch_ids)[i];
    if (id == ValueId::none) id = builder.constant(item.known);
    return id;
  };
  return Call(builder, node, result_.opset, std::move(operands), enter_here, budget_);
}

bool Importer::foldable(const Node& node) const {
  bool any = false;
  for (const auto& name : node.in) {
    if (name.empty()) continue;
    const Item& item = items_.at(name);
    if (!item.known || item.weight) return false;
    any = true;
  }
  return any;
}

// Evaluates a node on constants by building it alone in a graph of its own.
std::optional<Results> Importer::fold(const Node& node, Rule rule) {
  if (!foldable(node)) return std::nullopt;
  Builder scratch;
  std::vector<ValueId> ids(node.in.size(), ValueId::none);
  Call alone = call(scratch, node, &ids);
  Results results = rule(alone);
  int outputs = 0;
  for (const auto& result : results)
    if (!result.known) scratch.output(result.id, "result" + std::to_string(outputs++));
  if (outputs == 0) return results;
  const Graph graph = scratch.finish();
  std::int64_t work = 0;
  for (const auto& op : graph.ops()) {
    if (std::holds_alternative<kind::Opaque>(op.kind)) return std::nullopt;
    if ((work += macs(graph, op)) > most_fold_macs) return std::nullopt;
  }
  for (const auto& value : graph.values())
    if (bytes(value.type) > budget_) return std::nullopt;
  auto tensors = evaluate(graph, {}, {}, pool_);
  std::size_t next = 0;
  for (auto& result : results)
    if (!result.known) result = Result(std::move(tensors[next++]));
  return results;
}

std::optional<TensorType> Importer::declared_type(const std::string& name) const {
  const auto found = declared_.find(name);
  if (found == declared_.end() || !found->second->dtype || !found->second->dims)
    return std::nullopt;
  Shape shape;
  for (const auto& dim : *found->second->dims) {
    const auto size = size_of_dim(dim);
    if (!size) return std::nullopt;
    shape.push_back(*size);
  }
  return TensorType{*found->second->dtype, shape};
}

Results Importer::keep_opaque(const Node& node, const std::string& reason) {
  const Call view = call(builder_, node, nullptr);
  const auto inferred = opaque_types(view);
  std::vector<TensorType> types;
  for (std::size_t i = 0; i < node.out.size(); ++i) {
    if (node.out[i].empty()) continue;
    auto type = declared_type(node.out[i]);
    if (!type && i < inferred.size()) type = inferred[i];
    if (!type)
      throw Error(ErrorKind::unsupported, place_of(node),
                  fmt::format("{}, and the file does not say the type and sizes of '{}'", reason,
                              node.out[i]),
                  "run ONNX's shape inference on the file, or export without this operator");
    types.push_back(*type);
  }
  std::vector<ValueId> operands;
  for (const auto& name : node.in)
    if (!name.empty()) operands.push_back(enter(items_.at(name)));
  for (const auto& name : captured(node)) operands.push_back(enter(items_.at(name)));
  result_.opaque.push_back(fmt::format("{}: {}", place_of(node), reason));
  const int count = types.size();
  const auto ids =
      builder_.add(kind::Opaque{node.domain, node.type, opaque_text(node), std::move(types)},
                   operands, "", count);
  Results results;
  std::size_t next = 0;
  for (const auto& name : node.out)
    results.emplace_back(name.empty() ? ValueId::none : ids[next++]);
  return results;
}

std::string Importer::fresh(const std::string& base) {
  std::string name = base;
  for (int k = 1; !names_.insert(name).second; ++k) name = fmt::format("{}.{}", base, k);
  return name;
}

// What the rule built gets names after its node; results get the file's names.
void Importer::name_new_values(const Node& node, const Results& results) {
  const std::string base =
      node.name.empty() ? (node.out.empty() ? node.type : node.out[0]) : node.name;
  std::unordered_map<ValueId, std::string> named;
  for (std::size_t i = 0; i < results.size() && i < node.out.size(); ++i)
    if (results[i].id != ValueId::none && !node.out[i].empty())
      named.emplace(results[i].id, node.out[i]);
  for (; settled_ < builder_.next(); ++settled_) {
    const Value& value = builder_.value(settled_);
    if (value.role == Role::input || value.role == Role::weight || entered_.contains(settled_))
      continue;
    const auto result = named.find(settled_);
    if (result == named.end()) {
      const std::string made = value.name.substr(0, value.name.find_last_not_of("_0123456789") + 1);
      builder_.rename(settled_, fresh(base + "." + made));
    } else {
      builder_.rename(settled_, result->second, result->second == base ? base : fresh(base));
    }
  }
}

void Importer::settle_known(const Node& node, const std::string& name,
                            std::shared_ptr<const Tensor> tensor) {
  Item item{name, tensor->type(), ValueId::none, std::move(tensor), false};
  budget_ -= bytes(item.type);
  if (budget_ < 0)
    throw Error(
        ErrorKind::capacity, place_of(node),
        fmt::format("the model's constants need more than {} bytes", options_.constant_bytes),
        "raise the limit for constants if this is meant");
  item.weight = options_.constants_as_weights && makes_parameters(node) &&
                is_float(item.type.dtype) && elements(item.type.shape) > largest_plain_constant;
  items_.insert_or_assign(name, std::move(item));
}

void Importer::settle(const Node& node, const Results& results) {
  name_new_values(node, results);
  for (std::size_t i = 0; i < node.out.size(); ++i) {
    const std::string& name = node.out[i];
    if (name.empty()) continue;
    if (i >= results.size() || (results[i].id == ValueId::none && !results[i].known))
      throw Error(ErrorKind::unsupported, place_of(node),
                  fmt::format("result {} ('{}') is not made here", i, name));
    if (results[i].known) settle_known(node, name, results[i].known);
    else
      items_.insert_or_assign(
          name, Item{name, builder_.type(results[i].id), results[i].id, nullptr, false});
  }
}

ValueId Importer::enter(Item& item) {
  if (item.id != ValueId::none) return item.id;
  if (item.weight) item.id = builder_.weight(item.name, item.type);
  else entered_.insert(item.id = builder_.constant(item.known, item.name));
  return item.id;
}

WeightStore Importer::store(const Graph& graph) {
  WeightStore weights;
  for (const auto& value : graph.values()) {
    if (value.role != Role::weight) continue;
    const Item& item = items_.at(value.name);
    if (!item.known) continue;
    weights.add(value.name, Stored{item.type, Encoding::plain, item.known->raw()}, item.known);
  }
  return weights;
}

}  // namespace pliant::onnx

namespace pliant {

OnnxModel parse_onnx(std::string_view bytes, const OnnxOptions& options, std::string_view place,
                     const std::string& folder) {
  return onnx::Importer(onnx::parse_model(bytes, folder, place), options, place).run();
}

OnnxModel read_onnx(const std::string& path, const OnnxOptions& options) {
  return read_onnx(MappedFile(path), path, options);
}

OnnxModel read_onnx(const MappedFile& file, const std::string& path, const OnnxOptions& options) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return parse_onnx(file.text(), options, file_name(path), folder.empty() ? "." : folder);
}

}  // namespace pliant
