#include "formats/onnx/expand.h"

#include <fmt/format.h>

#include <unordered_map>

#include "core/error.h"
#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

namespace {

constexpr int deepest = 64;
constexpr std::size_t most_nodes = 1'000'000;

using Names = std::unordered_map<std::string, std::string>;
using Functions = std::map<std::pair<std::string, std::string>, const FunctionDef*>;

struct Pending {
  Node node;
  int depth = 0;
};

std::string renamed(const std::string& name, Names& names, const std::string& prefix) {
  if (name.empty()) return name;
  return names.emplace(name, prefix + name).first->second;
}

GraphDef renamed(const GraphDef& graph, Names names, const std::string& prefix, const Node& caller);

NodeAttribute bound(const NodeAttribute& a, Names& names, const std::string& prefix,
                    const Node& caller) {
  if (!a.graph) return a;
  NodeAttribute copy = a;
  copy.graph = std::make_shared<const GraphDef>(renamed(*a.graph, names, prefix, caller));
  return copy;
}

Node renamed(const Node& node, Names& names, const std::string& prefix, const Node& caller) {
  Node copy{node.domain, node.type, node.name.empty() ? "" : prefix + node.name, {}, {}, {}};
  for (const auto& each : node.in) copy.in.push_back(renamed(each, names, prefix));
  for (const auto& each : node.out) copy.out.push_back(renamed(each, names, prefix));
  for (const auto& [key, a] : node.attributes) {
    if (a.reference.empty()) {
      copy.attributes.emplace(key, bound(a, names, prefix, caller));
    } else if (const auto given = caller.attributes.find(a.reference);
               given != caller.attributes.end()) {
      copy.attributes.emplace(key, given->second);
    }
  }
  return copy;
}

// Subgraphs nest as deep as the parser lets through.
GraphDef renamed(const GraphDef& graph, Names names, const std::string& prefix,
                 const Node& caller) {
  GraphDef copy = graph;
  for (auto& each : copy.initializers) each.name = renamed(each.name, names, prefix);
  for (auto& each : copy.inputs) each.name = renamed(each.name, names, prefix);
  for (auto& each : copy.nodes) each = renamed(Node(each), names, prefix, caller);
  for (auto& each : copy.outputs) each.name = renamed(each.name, names, prefix);
  for (auto& each : copy.values) each.name = renamed(each.name, names, prefix);
  return copy;
}

std::vector<Node> body(const FunctionDef& function, const Node& caller, const std::string& prefix) {
  Names names;
  for (std::size_t i = 0; i < function.in.size(); ++i)
    names[function.in[i]] = i < caller.in.size() ? caller.in[i] : "";
  for (std::size_t i = 0; i < function.out.size(); ++i)
    if (i < caller.out.size() && !caller.out[i].empty()) names[function.out[i]] = caller.out[i];
  std::vector<Node> nodes;
  for (const auto& each : function.nodes) nodes.push_back(renamed(each, names, prefix, caller));
  return nodes;
}

}  // namespace

void expand_functions(ModelDef& model, std::string_view place) {
  if (model.functions.empty()) return;
  Functions functions;
  for (const auto& each : model.functions) functions[{each.domain, each.name}] = &each;
  std::vector<Pending> stack;
  for (std::size_t i = model.graph.nodes.size(); i-- > 0;)
    stack.push_back({std::move(model.graph.nodes[i]), 0});
  std::vector<Node> done;
  std::size_t calls = 0;
  while (!stack.empty()) {
    Pending next = std::move(stack.back());
    stack.pop_back();
    const auto found = functions.find({next.node.domain, next.node.type});
    if (found == functions.end()) {
      done.push_back(std::move(next.node));
      continue;
    }
    if (next.depth == deepest)
      throw Error(ErrorKind::invalid, place_of(next.node),
                  fmt::format("functions call one another {} deep", deepest));
    const std::string name = next.node.name.empty() ? next.node.type : next.node.name;
    auto nodes = body(*found->second, next.node, fmt::format("{}_{}/", name, calls++));
    if (done.size() + stack.size() + nodes.size() > most_nodes || calls > most_nodes)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("its functions make more than {} nodes", most_nodes));
    for (std::size_t i = nodes.size(); i-- > 0;)
      stack.push_back({std::move(nodes[i]), next.depth + 1});
  }
  model.graph.nodes = std::move(done);
}

}  // namespace pliant::onnx
