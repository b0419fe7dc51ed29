#include "graph/decompose.h"

#include <algorithm>

#include "graph/passes/passes.h"
#include "graph/passes/rebuild.h"

namespace pliant {

Graph decompose(const Graph& graph, const std::function<bool(const Op&)>& keep) {
  const auto goes = [&](const Op& op) { return is_composite(op.kind) && !(keep && keep(op)); };
  const auto mixes_rows = [&](const Op& op) {
    return std::holds_alternative<kind::Attention>(op.kind) && goes(op);
  };
  Rebuild rebuild(graph, std::ranges::none_of(graph.ops(), mixes_rows));
  rebuild.values([&](const Op& op) {
    if (!goes(op)) return false;
    const auto made = decompose(rebuild.builder, op, rebuild.now(op.in), rebuild.names(op.out));
    for (std::size_t i = 0; i < made.size(); ++i) rebuild.set(op.out[i], made[i]);
    return true;
  });
  rebuild.outputs();
  return rebuild.builder.finish();
}

}  // namespace pliant
