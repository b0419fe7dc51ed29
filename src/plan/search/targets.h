// Which downsets follow a layer of downsets, and by which operators.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "plan/bound/bits.h"
#include "plan/search/layer.h"

namespace pliant::plan {

struct BitsetHash {
  std::size_t operator()(const Bitset& words) const {
    std::uint64_t hash = 0x9e3779b97f4a7c15ULL;
    for (const std::uint64_t w : words) {
      hash ^= w;
      hash *= 0xff51afd7ed558ccdULL;
      hash ^= hash >> 32;
    }
    return hash;
  }
};

struct Targets {
  std::vector<Bitset> done;
  std::vector<std::vector<Edge>> edges;  // per target; `from` ascending
};

// Targets in the order in which groups and their ready operators reach them: independent of
// threads. group_at(i) is the i-th of `count` groups; leads(group, op) says whether any of its
// states may run op.
template <typename GroupAt, typename Leads>
Targets find_targets(std::size_t count, GroupAt&& group_at, Leads&& leads) {
  Targets targets;
  std::unordered_map<Bitset, std::uint32_t, BitsetHash> known;
  for (std::size_t g = 0; g < count; ++g) {
    const StateGroup& group = group_at(g);
    for (const OperatorId op : group.ready) {
      if (!leads(group, op)) continue;
      Bitset done = group.done;
      put(done, op);
      const auto [at, fresh] = known.try_emplace(done, targets.done.size());
      if (fresh) {
        targets.done.push_back(std::move(done));
        targets.edges.emplace_back();
      }
      targets.edges[at->second].push_back({static_cast<std::uint32_t>(g), op});
    }
  }
  return targets;
}

}  // namespace pliant::plan
