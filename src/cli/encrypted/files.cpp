#include "cli/encrypted/files.h"

#include <algorithm>
#include <cmath>

#include "formats/npy/npy.h"

namespace pliant::cli {

Tensor read_array(const std::string& path) {
  const MappedFile mapped(path);
  return tensor_from_npy(mapped.bytes(), path);
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

double largest_magnitude(const TensorView& tensor) {
  double largest = 0;
  for (std::int64_t i = 0; i < elements(tensor.type.shape); ++i)
    largest = std::max(largest, std::abs(get(tensor, i)));
  return largest;
}

}  // namespace pliant::cli
