// Networks with published shapes and no weights: what the planner is measured on. Batch 1, f32.
// Where a ReLU stands before its convolution in the original it stands behind the normalisation
// before it here, where it fuses; sizes, parameters and multiply-accumulates are the same.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace pliant::zoo {

struct ZooNetwork {
  std::string_view name;   // "resnet50"
  std::string_view about;  // one line: source, input, what is left out
};

const std::vector<ZooNetwork>& entries();
bool has(std::string_view name);

// Throws Error{not_found} naming the nearest one.
Graph build(std::string_view name);

// A randomly wired network (Xie et al. 2019), regular regime in its small setting: three stages of
// WS(nodes, k, p) graphs at 28, 14 and 7 pixels with `channels`, 2x and 4x as many. A node is a
// weighted sum (of two or more inputs), a depthwise and a pointwise convolution. "randwire" is seed
// 1.
Graph randwire(std::uint64_t seed, int nodes = 32, int k = 4, double p = 0.75,
               std::int64_t channels = 78);

// NASNet-A mobile `copies` times in a row, each reading the one before it: more operators than an
// exact search reaches.
Graph nasnet_chain(int copies);

}  // namespace pliant::zoo
