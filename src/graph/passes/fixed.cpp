#include "graph/passes/fixed.h"

#include <algorithm>

namespace pliant {

ById<ValueId, bool> fixed_values(const Graph& graph) {
  ById<ValueId, bool> fixed;
  for (const Value& value : graph.values())
    fixed.push_back(value.role == Role::weight || value.role == Role::constant);
  for (const Op& op : graph.ops()) {
    const bool all = !std::holds_alternative<kind::Opaque>(op.kind) &&
                     std::ranges::all_of(op.in, [&](ValueId id) { return fixed[id]; });
    for (const ValueId id : op.out) fixed[id] = all;
  }
  return fixed;
}

}  // namespace pliant
