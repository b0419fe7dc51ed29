// What published tables say about a network.
#pragma once

#include "graph/graph.h"

namespace pliant {

struct Counts {
  std::int64_t parameters = 0, macs = 0;
};

inline Counts count(const Graph& graph) {
  Counts counts;
  for (const Value& value : graph.values())
    if (value.role == Role::weight) counts.parameters += elements(value.type.shape);
  for (const Op& op : graph.ops()) counts.macs += macs(graph, op);
  return counts;
}

}  // namespace pliant
