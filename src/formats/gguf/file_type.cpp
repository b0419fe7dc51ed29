#include <algorithm>
#include <array>

#include "formats/gguf/gguf.h"

namespace pliant {
namespace {

// By encoding, in its order.
constexpr std::array<std::uint32_t, encoding_count> numbers{0,  7,  2,  3,  8,  9,  10, 11,
                                                            14, 16, 18, 25, 30, 38, 1,  32};

// 16-bit floats are one thing, whether as a type or as an encoding.
Encoding written_as(const Stored& stored) {
  if (stored.type.dtype == DType::f16) return Encoding::f16;
  return stored.type.dtype == DType::bf16 ? Encoding::bf16 : stored.encoding;
}

}  // namespace

std::uint32_t gguf_file_type(const std::vector<GgufTensor>& tensors) {
  std::array<std::int64_t, encoding_count> count{};
  for (const GgufTensor& each : tensors)
    count[static_cast<std::size_t>(written_as(each.stored))] += elements(each.stored.type.shape);
  return numbers[std::ranges::max_element(count) - count.begin()];
}

}  // namespace pliant
