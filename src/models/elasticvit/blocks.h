// What phones were timed on: the blocks of a subnet by the keys of the published latency tables
// (nn-Meter's predictor of transformers, block mode).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/elasticvit/architecture.h"

namespace pliant::elasticvit {

// "conv_64_16_24_3_2_hard_swish_3_nose" and so on, in the order in which they run; the stem's begin
// with the first convolution. Two quirks of the published predictor are kept: a 24-wide stem is
// asked for with 16 input channels, and the sides behind transformers are rounded down.
std::vector<std::string> stage_blocks(const Space& space, std::int64_t resolution,
                                      std::size_t stage, std::int64_t input_width,
                                      const StageChoice& choice);
std::string head_block(const Space& space, std::int64_t resolution, std::int64_t width);

}  // namespace pliant::elasticvit
