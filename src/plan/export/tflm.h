// A plan as TensorFlow Lite Micro takes it: the buffer of the model's metadata entry
// "OfflineMemoryAllocation" (tflite-micro, docs/memory_management.md, "Offline planned tensor
// allocations"; tensorflow PR 38121).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct TflmPlan {
  // per tensor of the problem, in its order, in the arena's head; -1: not planned
  std::vector<std::int32_t> offsets;
  std::int64_t arena_bytes = 0;  // highest end
};

// Offsets of inputs, activations and outputs for the plan's operator order; weights stay in the
// model. TFLM fills all inputs before the first operator and reads all outputs after the last one,
// so that these live longer than in the scratchpad, and it runs kernels out of place: the addresses
// are found anew, as multiples of 16. Throws Error{unsupported} for a plan with traffic (an arena
// has no copies), inputs that must be adjacent, and offsets beyond 31 bits.
TflmPlan plan_for_tflm(const Problem& problem, const Plan& plan);

// 32-bit integers, little endian: version 1, subgraph 0, the number of tensors, their offsets.
std::string tflm_buffer(const TflmPlan& plan);

}  // namespace pliant::plan
