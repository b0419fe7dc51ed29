// Operations and parameters of a subnet, in closed form and stage by stage.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/elasticvit/architecture.h"

namespace pliant::elasticvit {

// What the published counter counts: multiply-accumulates, with its omissions, so that figures can
// be compared with those of the paper. A value's depthwise convolution counts 1 per element, not 9;
// squeeze and shortcut of a reduction and the shortcut of stride-1 blocks are left out; a softmax
// counts 1 per logit; the shortcut of a stride-2 block counts even where it does not run. The sum
// over all stages and the head is that of the subnet. input_width: of the stage before it; the stem
// includes the first convolution and ignores it.
std::int64_t stage_flops(const Space& space, std::int64_t resolution, std::size_t stage,
                         std::int64_t input_width, const StageChoice& choice);
std::int64_t head_flops(const Space& space, std::int64_t resolution, std::int64_t width);
std::int64_t flops(const Space& space, const Architecture& architecture);

// Weights, biases, scales and shifts of norms that a subnet reads; running statistics are none.
struct Parameters {
  std::int64_t without_bias_tables = 0;
  // rows of the position biases: those that its own resolution reaches, and all
  std::int64_t reachable_bias_rows = 0, all_bias_rows = 0;

  std::int64_t read() const { return without_bias_tables + reachable_bias_rows; }
  Parameters& operator+=(const Parameters& more);
};
Parameters stage_parameters(const Space& space, std::int64_t resolution, std::size_t stage,
                            std::int64_t input_width, const StageChoice& choice);
Parameters head_parameters(const Space& space, std::int64_t width);
Parameters parameters(const Space& space, const Architecture& architecture);

}  // namespace pliant::elasticvit
