// Shape-level networks as planner problems, one byte per element, batch 1: no weights, convolution + batch norm + ReLU
// fused into one operator.
#pragma once

#include <cstdint>

#include "plan/format/problem.h"

namespace pliant::bench {

// NASNet-A mobile (Zoph et al. 2018): 224x224x3, 32 stem filters, 4 normal cells per stage, 1056 penultimate filters.
// A separable convolution is depthwise, pointwise, depthwise, pointwise; a change of size between cells is two strided
// pools, two convolutions and a concatenation. 519 operators.
plan::Problem nasnet_a_mobile();

// A randomly wired network (Xie et al. 2019), regular regime in its small setting: three stages of WS(nodes, k, p)
// graphs at 28, 14 and 7 pixels with `channels`, 2x and 4x as many. A node is a weighted sum (of two or more inputs),
// a depthwise and a pointwise convolution; the ReLU goes with the former.
plan::Problem randwire(std::uint64_t seed, int nodes = 32, int k = 4, double p = 0.75, std::int64_t channels = 78);

}  // namespace pliant::bench
