// Builder::finish(): keeps what the outputs need, renumbers it, and checks what only the whole
// graph can show.
#include <algorithm>
#include <utility>

#include "core/error.h"
#include "graph/builder.h"
#include "graph/rows.h"

namespace pliant {
namespace {

struct Needed {
  ById<ValueId, bool> values;
  ById<OpId, bool> ops;
};

Needed mark_needed(const Graph& graph) {
  Needed needed{ById<ValueId, bool>(graph.values().size()), ById<OpId, bool>(graph.ops().size())};
  auto need = [&](ValueId id) { needed.values[id] = true; };
  for (ValueId id : graph.inputs()) need(id);
  for (ValueId id : graph.outputs()) need(id);
  for (auto i = to_int(graph.ops().next()); i-- > 0;) {  // ops are in topological order
    const auto at = static_cast<OpId>(i);
    const Op& op = graph.op(at);
    needed.ops[at] =
        std::any_of(op.out.begin(), op.out.end(), [&](ValueId id) { return needed.values[id]; });
    if (!needed.ops[at]) continue;
    for (ValueId id : op.in) need(id);
    for (ValueId id : op.out) need(id);  // all results of an operator that runs exist
  }
  return needed;
}

// Keeps the marked items, in their order; gives the new ids by the old ones.
template <Id I, typename T>
ById<I, I> keep_marked(ById<I, T>& items, const ById<I, bool>& keep) {
  ById<I, I> ids(items.size(), I::none);
  ById<I, T> kept;
  for (const I id : items.ids())
    if (keep[id]) ids[id] = kept.push_back(std::move(items[id]));
  items = std::move(kept);
  return ids;
}

}  // namespace

Graph Builder::finish() {
  if (graph_.outputs_.empty())
    throw Error(ErrorKind::invalid, "graph", "no outputs", "name some with output()");
  Needed needed = mark_needed(graph_);
  const ById<ValueId, ValueId> values = keep_marked(graph_.values_, needed.values);
  const ById<OpId, OpId> ops = keep_marked(graph_.ops_, needed.ops);
  auto move_to = [&](ValueId& id) { id = values[id]; };
  for (Value& value : graph_.values_)
    if (value.producer != OpId::none) value.producer = ops[value.producer];
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
  graph_.by_name_.clear();
  for (const ValueId id : graph_.values_.ids()) graph_.by_name_.push_back(id);
  std::sort(graph_.by_name_.begin(), graph_.by_name_.end(),
            [&](ValueId a, ValueId b) { return graph_.value(a).name < graph_.value(b).name; });
  if (graph_.rows_ > 0) {
    const ById<ValueId, bool> rows = prove_rows(graph_);
    for (const ValueId id : rows.ids()) graph_.values_[id].rows = rows[id];
  }
  scope_.clear();
  taken_.clear();
  output_names_.clear();
  suffixes_.clear();
  return std::exchange(graph_, Graph());
}

}  // namespace pliant
