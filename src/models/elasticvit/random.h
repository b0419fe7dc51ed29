// Supernets without a file.
#pragma once

#include <cstdint>

#include "models/elasticvit/space.h"
#include "quant/store.h"

namespace pliant::elasticvit {

// To train; all of supernet_tensors(). Normal values: of deviation (2 / inputs)^0.5 for a
// convolution, inputs^-0.5 where neither norm nor activation follows (shortcuts, the convolution of
// values), 0.02 for matrices and position biases. Norms 1, but 0 for the last norm of a
// block of stride 1, which begins as its shortcut (published code; arXiv 1706.02677, section 5.1);
// biases 0, running means 0 and variances 1. Each tensor depends on the seed and its name alone.
// Throws as check(Space).
WeightStore initial_supernet(const Space& space, std::uint64_t seed);

}  // namespace pliant::elasticvit
