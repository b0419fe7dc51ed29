// What the stages of a subnet do, whatever the processor: amounts that its time is made of. Unlike
// the published counts these are what is really computed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "search/predictor.h"

namespace pliant::search {

enum class Work : std::uint8_t {
  pointwise,  // multiply-accumulates of 1x1 convolutions, of the first one, and of the head
  narrow,     // those of them over fewer than 32 pixels, once more
  weights,    // that are read by these
  depthwise,  // multiply-accumulates
  attention,  // multiply-accumulates of both products
  scores,     // that a softmax takes
  elements,   // that are written
  operators
};
inline constexpr std::size_t kinds_of_work = 8;
std::string_view name(Work work);

using Amounts = std::array<double, kinds_of_work>;  // by Work

Amounts stage_work(const elasticvit::Space& space, std::int64_t resolution, std::size_t stage,
                   std::int64_t input_width, const elasticvit::StageChoice& choice);
Amounts head_work(const elasticvit::Space& space, std::int64_t resolution, std::int64_t width);
Amounts work(const elasticvit::Space& space, const elasticvit::Architecture& architecture);

}  // namespace pliant::search
