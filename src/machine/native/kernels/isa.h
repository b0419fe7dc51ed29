// The instruction sets that kernels are compiled for; which one runs is chosen at run time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace pliant::native {

// best: what this processor has
enum class Isa : std::uint8_t { best, scalar, sse4, avx2, avx512, neon };

std::vector<Isa> available_isas();  // on this processor, in this build; scalar is always there
std::string_view name(Isa isa);

}  // namespace pliant::native
