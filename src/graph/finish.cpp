// Builder::finish(): keeps what the outputs need, renumbers it, and checks what only the whole graph can show.
#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "graph/builder.h"
#include "graph/rows.h"

namespace pliant {
namespace {

struct Needed {
  std::vector<bool> values, ops;
};

Needed mark_needed(const Graph& graph) {
  Needed needed{std::vector<bool>(graph.values().size()), std::vector<bool>(graph.ops().size())};
  auto need = [&](ValueId id) { needed.values[id] = true; };
  for (ValueId id : graph.inputs()) need(id);
  for (ValueId id : graph.outputs()) need(id);
  for (std::size_t i = graph.ops().size(); i-- > 0;) {  // ops are in topological order
    const Op& op = graph.ops()[i];
    needed.ops[i] = std::any_of(op.out.begin(), op.out.end(), [&](ValueId id) { return needed.values[id]; });
    if (!needed.ops[i]) continue;
    for (ValueId id : op.in) need(id);
    for (ValueId id : op.out) need(id);  // all results of an operator that runs exist
  }
  return needed;
}

std::vector<std::int32_t> renumber(const std::vector<bool>& keep) {
  std::vector<std::int32_t> ids(keep.size(), -1);
  std::int32_t next = 0;
  for (std::size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) ids[i] = next++;
  return ids;
}

template <typename T>
void keep_marked(std::vector<T>& items, const std::vector<bool>& keep) {
  std::size_t to = 0;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (keep[i]) {
      if (to != i) items[to] = std::move(items[i]);
      ++to;
    }
  items.erase(items.begin() + to, items.end());
}

}  // namespace

Graph Builder::finish() {
  if (graph_.outputs_.empty()) throw Error(ErrorKind::invalid, "graph", "no outputs", "name some with output()");
  Needed needed = mark_needed(graph_);
  std::vector<std::int32_t> values = renumber(needed.values), ops = renumber(needed.ops);
  auto move_to = [&](ValueId& id) { id = values[id]; };
  keep_marked(graph_.values_, needed.values);
  keep_marked(graph_.ops_, needed.ops);
  for (Value& value : graph_.values_)
    if (value.producer >= 0) value.producer = ops[value.producer];
  for (Op& op : graph_.ops_) {
    std::for_each(op.in.begin(), op.in.end(), move_to);
    std::for_each(op.out.begin(), op.out.end(), move_to);
  }
  std::for_each(graph_.inputs_.begin(), graph_.inputs_.end(), move_to);
  std::for_each(graph_.outputs_.begin(), graph_.outputs_.end(), move_to);
  for (Carry& carry : graph_.carries_) {
    move_to(carry.in);
    move_to(carry.out);
  }
  graph_.by_name_.resize(graph_.values_.size());
  std::iota(graph_.by_name_.begin(), graph_.by_name_.end(), 0);
  std::sort(graph_.by_name_.begin(), graph_.by_name_.end(),
            [&](ValueId a, ValueId b) { return graph_.value(a).name < graph_.value(b).name; });
  if (graph_.rows_ > 0) {
    std::vector<bool> rows = prove_rows(graph_);
    for (std::size_t i = 0; i < rows.size(); ++i) graph_.values_[i].rows = rows[i];
  }
  scope_.clear();
  taken_.clear();
  output_names_.clear();
  suffixes_.clear();
  return std::exchange(graph_, Graph());
}

}  // namespace pliant
