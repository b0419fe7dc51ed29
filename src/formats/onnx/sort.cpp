#include "formats/onnx/sort.h"

#include <fmt/format.h>

#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

namespace {

using Producers = std::unordered_map<std::string, std::size_t>;

Producers producers(const std::vector<Node>& nodes,
                    const std::function<bool(const std::string&)>& is_leaf) {
  Producers made;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& out : nodes[i].out) {
      if (out.empty()) continue;
      if (is_leaf(out) || !made.emplace(out, i).second)
        throw Error(ErrorKind::invalid, place_of(nodes[i]),
                    fmt::format("makes '{}', which exists already", out));
    }
  }
  return made;
}

std::vector<std::string> reads(const Node& node) {
  auto names = captured(node);
  names.insert(names.end(), node.in.begin(), node.in.end());
  return names;
}

// One cycle among the nodes that could not be ordered, as "a -> b -> a".
std::string cycle(const std::vector<Node>& nodes, const Producers& made,
                  const std::vector<int>& waiting) {
  std::size_t at = 0;
  while (waiting[at] == 0) ++at;
  std::vector<std::size_t> path;
  std::unordered_set<std::size_t> seen;
  while (seen.insert(at).second) {
    path.push_back(at);
    for (const auto& name : reads(nodes[at])) {
      const auto from = made.find(name);
      if (from == made.end() || waiting[from->second] == 0) continue;
      at = from->second;
      break;
    }
  }
  std::string text = place_of(nodes[at]);
  for (std::size_t i = path.size(); i-- > 0 && path[i] != at;)
    text += " -> " + place_of(nodes[path[i]]);
  return text + " -> " + place_of(nodes[at]);
}

void collect(const GraphDef& graph, std::unordered_set<std::string> local,
             std::vector<std::string>& into) {
  for (const auto& each : graph.initializers) local.insert(each.name);
  for (const auto& each : graph.inputs) local.insert(each.name);
  for (const auto& node : graph.nodes) local.insert(node.out.begin(), node.out.end());
  for (const auto& node : graph.nodes) {
    for (const auto& name : node.in)
      if (!name.empty() && !local.contains(name)) into.push_back(name);
    for (const auto& [key, a] : node.attributes)  // as deep as the parser lets through
      if (a.graph) collect(*a.graph, local, into);
  }
  for (const auto& each : graph.outputs)
    if (!each.name.empty() && !local.contains(each.name)) into.push_back(each.name);
}

}  // namespace

std::vector<std::string> captured(const Node& node) {
  std::vector<std::string> names;
  for (const auto& [key, a] : node.attributes)
    if (a.graph) collect(*a.graph, {}, names);
  return names;
}

std::vector<const Node*> sorted(const std::vector<Node>& nodes,
                                const std::function<bool(const std::string&)>& is_leaf) {
  const Producers made = producers(nodes, is_leaf);
  std::vector<int> waiting(nodes.size(), 0);
  std::vector<std::vector<std::size_t>> readers(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& name : reads(nodes[i])) {
      if (name.empty() || is_leaf(name)) continue;
      const auto from = made.find(name);
      if (from == made.end())
        throw Error(ErrorKind::invalid, place_of(nodes[i]),
                    fmt::format("reads '{}', which nothing makes", name));
      readers[from->second].push_back(i);
      ++waiting[i];
    }
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (waiting[i] == 0) ready.push(i);
  std::vector<const Node*> order;
  while (!ready.empty()) {
    const std::size_t i = ready.top();
    ready.pop();
    order.push_back(&nodes[i]);
    for (std::size_t reader : readers[i])
      if (--waiting[reader] == 0) ready.push(reader);
  }
  if (order.size() < nodes.size())
    throw Error(ErrorKind::invalid, "ONNX graph",
                "depends on itself: " + cycle(nodes, made, waiting));
  return order;
}

}  // namespace pliant::onnx
