#include "machine/native/kv/choice/keep.h"

#include <algorithm>
#include <functional>

#include "machine/native/kv/choice/segment.h"

namespace pliant::kv {

std::vector<bool> protected_of(std::span<const Entry> entries, const Protection& protection) {
  const auto count = std::ssize(entries);
  std::vector<bool> result(entries.size());
  for (std::int64_t i = 0; i < count; ++i)
    result[i] = i < protection.first || i >= count - protection.last ||
                (protection.text && segment_of(entries[i].tag).kind != SegmentKind::image);
  return result;
}

void keep_highest(std::span<const float> scores, const std::vector<bool>& sure, std::int64_t count,
                  std::span<Fate> fates) {
  std::vector<std::int32_t> others;
  for (std::int32_t i = 0; i < std::ssize(scores); ++i)
    if (!sure[i]) others.push_back(i);
  const std::int64_t taken = std::clamp<std::int64_t>(
      count - (std::ssize(scores) - std::ssize(others)), 0, std::ssize(others));
  std::ranges::stable_sort(others, std::ranges::greater{}, [&](auto i) { return scores[i]; });
  for (std::int64_t i = taken; i < std::ssize(others); ++i) fates[others[i]].keep = false;
}

void drop_first(std::span<Fate> fates, std::int64_t from, std::int64_t count) {
  std::int64_t kept = std::ranges::count_if(fates, &Fate::keep);
  for (std::int64_t i = from; i < std::ssize(fates) && kept > count; ++i) {
    kept -= fates[i].keep ? 1 : 0;
    fates[i].keep = false;
  }
}

}  // namespace pliant::kv
