#include "machine/native/kv/choice/scores.h"

#include <algorithm>

namespace pliant::kv {

std::vector<float> mean_over_heads(std::span<const float> masses, std::int64_t heads,
                                   std::int64_t groups) {
  const std::int64_t entries = std::ssize(masses) / heads, shared = heads / groups;
  std::vector<float> result;
  result.reserve(groups * entries);
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t i = 0; i < entries; ++i) {
      double sum = 0;
      for (std::int64_t head = group * shared; head < (group + 1) * shared; ++head)
        sum += static_cast<double>(masses[head * entries + i]);
      result.push_back(static_cast<float>(sum / static_cast<double>(shared)));
    }
  return result;
}

void per_row(std::span<const Entry> entries, std::int64_t length, std::int64_t rows,
             std::span<float> scores) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::int64_t saw = std::min(rows, length - entries[i].position);
    scores[i] /= static_cast<float>(std::max<std::int64_t>(saw, 1));
  }
}

void smooth(std::span<float> scores, std::int64_t radius) {
  if (radius == 0) return;
  const std::vector<float> own(scores.begin(), scores.end());
  const auto count = std::ssize(own);
  for (std::int64_t i = 0; i < count; ++i)
    scores[i] = *std::max_element(own.begin() + std::max<std::int64_t>(i - radius, 0),
                                  own.begin() + std::min(i + radius + 1, count));
}

}  // namespace pliant::kv
