// The processor's multiply-add peak: independent fused multiply-adds in registers, no memory.
#pragma once

#include <cstdint>
#include <string>

namespace pliant::bench {

// Floating-point operations that one call with `rounds` makes; `sink` keeps them from being left
// out.
std::int64_t multiply_add(std::int64_t rounds, float seed, float& sink);
std::string widest_vectors();  // "512-bit"

}  // namespace pliant::bench
