#include "machine/native/kv/choice/rotation.h"

#include <cmath>

namespace pliant::kv {

void Turn::apply(std::span<float> x) const {
  const std::size_t pairs = cosines.size();
  for (std::size_t i = 0; i < pairs; ++i) {
    float &first = x[neighbours ? 2 * i : i], &second = x[neighbours ? 2 * i + 1 : i + pairs];
    const double a = first, b = second;
    first = static_cast<float>(a * cosines[i] - b * sines[i]);
    second = static_cast<float>(a * sines[i] + b * cosines[i]);
  }
}

Turn turn(const Rotation& rotation, std::int64_t position) {
  return mean_turn(rotation, position, 1);
}

Turn mean_turn(const Rotation& rotation, std::int64_t first, std::int64_t count) {
  Turn result{{}, {}, rotation.neighbours};
  for (const double frequency : rotation.frequencies) {
    double cosine = 0, sine = 0;
    for (std::int64_t position = first; position < first + count; ++position) {
      cosine += std::cos(frequency * static_cast<double>(position));
      sine += std::sin(frequency * static_cast<double>(position));
    }
    result.cosines.push_back(cosine / static_cast<double>(count));
    result.sines.push_back(sine / static_cast<double>(count));
  }
  return result;
}

}  // namespace pliant::kv
