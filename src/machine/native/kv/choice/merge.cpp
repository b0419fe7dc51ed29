#include "machine/native/kv/choice/merge.h"

#include <algorithm>
#include <cmath>

namespace pliant::kv {

namespace {

// One mass above all others says nothing: it is as if the others had this much of it.
constexpr float most_ratio = 1e6F;
constexpr float least_mass = 1e-30F;

// The last entry before `i` that is kept and of its segment; nowhere if another segment, or the
// beginning, comes first.
std::int32_t kept_beside(std::span<const Entry> entries, std::span<const Fate> fates,
                         std::int32_t i, std::int32_t step) {
  const std::int32_t tag = entries[i].tag;
  for (i += step; i >= 0 && i < std::ssize(entries) && entries[i].tag == tag; i += step)
    if (fates[i].keep) return i;
  return nowhere;
}

std::int32_t nearest(std::span<const Entry> entries, std::int32_t i, std::int32_t before,
                     std::int32_t behind) {
  if (before == nowhere || behind == nowhere) return std::max(before, behind);
  const auto distance = [&](std::int32_t j) {
    return std::abs(entries[i].position - entries[j].position);
  };
  return distance(behind) < distance(before) ? behind : before;
}

float weight(MeanBy by, const Entry& entry, float mass, bool anchor) {
  switch (by) {
    case MeanBy::anchor: return anchor ? 1.0F : 0.0F;
    case MeanBy::equal: return std::exp(entry.log_weight);
    case MeanBy::mass: return std::max(mass, least_mass);
  }
  return 0;
}

}  // namespace

void merge_nearest(std::span<const Entry> entries, std::span<const float> masses,
                   const MergeRule& rule, std::span<Fate> fates) {
  // One sweep over each stretch that is not kept: its ends are found once.
  std::int32_t before = nowhere, behind = nowhere, known = nowhere;
  for (std::int32_t i = 0; i < std::ssize(entries); ++i) {
    Fate& fate = fates[i];
    const Entry& own = entries[i];
    fate.key = weight(rule.keys, own, masses[i], fate.keep);
    fate.value = weight(rule.values, own, masses[i], fate.keep);
    fate.count = rule.bias == BiasBy::none && !fate.keep ? 0 : std::exp(own.log_weight);
    if (fate.keep) {
      known = nowhere;
      continue;
    }
    if (known == nowhere || entries[i].tag != entries[known].tag) {
      before = kept_beside(entries, fates, i, -1);
      behind = kept_beside(entries, fates, i, 1);
      known = i;
    }
    fate.into = nearest(entries, i, before, behind);
    if (rule.bias != BiasBy::mass || fate.into == nowhere) continue;
    const float anchor = std::max(masses[fate.into], least_mass);
    fate.count = std::exp(entries[fate.into].log_weight) * std::min(masses[i] / anchor, most_ratio);
  }
}

}  // namespace pliant::kv
