#include "machine/native/kv/choice/published.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pliant::kv {

std::int64_t published_excess(const PublishedElastic& rule, std::int64_t entries,
                              std::int64_t seen) {
  return static_cast<std::int64_t>(static_cast<double>(entries) -
                                   static_cast<double>(seen) * (1 - rule.drop));
}

namespace {

// The first of the nearest.
std::int32_t nearest(std::span<const std::int32_t> ascending, std::int32_t to) {
  const auto behind = std::ranges::lower_bound(ascending, to);
  if (behind == ascending.end()) return ascending.back();
  if (behind == ascending.begin()) return *behind;
  return to - behind[-1] <= *behind - to ? behind[-1] : *behind;
}

}  // namespace

PublishedChoice published_choice(std::span<const float> scores, std::int64_t start,
                                 std::int64_t excess) {
  PublishedChoice choice;
  const std::int64_t count = std::max<std::int64_t>(std::ssize(scores) - 1 - start, 0);
  choice.order.resize(count);
  std::iota(choice.order.begin(), choice.order.end(), 0);
  std::ranges::stable_sort(choice.order, {}, [&](std::int32_t i) { return scores[start + i]; });
  for (std::int32_t i = 0; i < count; ++i) {
    if (choice.order[i] > excess) choice.selected.push_back(static_cast<std::int32_t>(i + start));
    else choice.thrown.push_back(i);  // `start` is forgotten
  }
  for (const std::int32_t each : choice.thrown)
    choice.into.push_back(choice.selected.empty() ? nowhere : nearest(choice.selected, each));
  return choice;
}

void published_fates(std::span<const float> scores, std::int64_t start, std::int64_t excess,
                     std::span<Fate> fates) {
  const PublishedChoice choice = published_choice(scores, start, excess);
  for (std::int64_t i = start; i + 1 < std::ssize(fates); ++i) fates[i].keep = false;
  for (const std::int32_t each : choice.selected) fates[each].keep = true;
  for (Fate& each : fates) each.key = each.value = 1, each.count = 0;
  for (std::size_t i = 0; i < choice.thrown.size(); ++i)
    fates[choice.thrown[i]].into = choice.into[i];
}

std::int64_t published_place(const PublishedElastic& rule, std::int64_t prompt) {
  const std::int64_t excess = published_excess(rule, prompt, prompt);
  if (excess <= 1) return 0;
  return rule.distance > 0 ? rule.distance : prompt - excess + rule.distance;
}

}  // namespace pliant::kv
