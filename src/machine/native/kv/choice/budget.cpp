#include "machine/native/kv/choice/budget.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace pliant::kv {

std::int64_t entries_of(double keep, std::int64_t tokens, std::int64_t least) {
  const auto wanted = static_cast<std::int64_t>(std::floor(keep * static_cast<double>(tokens)));
  return std::min(std::max(wanted, least), tokens);
}

std::int64_t kept_beside(const Room& room, std::int64_t filling) {
  if (room.chains <= room.widest) return std::max<std::int64_t>(room.entries, 1);
  const std::int64_t left = room.chains * room.entries - room.widest * filling;
  return std::max<std::int64_t>(left / (room.chains - room.widest), 1);
}

namespace {

using Counts = std::vector<std::int64_t>;

// Whole numbers near `wanted` with the sum `total`, each in [least, most]: the largest fractions
// are rounded up, then what lacks or is too much goes around.
Counts rounded(const std::vector<double>& wanted, std::int64_t total, std::int64_t least,
               std::int64_t most) {
  const auto parts = std::ssize(wanted);
  total = std::clamp(total, parts * least, parts * most);
  Counts counts, order(parts);
  for (const double each : wanted)
    counts.push_back(std::clamp(static_cast<std::int64_t>(std::floor(each)), least, most));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::int64_t part) {
    return wanted[part] - std::floor(wanted[part]);
  });
  std::int64_t lack = total - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  for (std::int64_t i = 0; lack != 0; i = (i + 1) % parts) {
    std::int64_t& count = counts[order[lack > 0 ? i : parts - 1 - i]];
    const std::int64_t step = lack > 0 ? 1 : -1;
    if (count + step < least || count + step > most) continue;
    count += step;
    lack -= step;
  }
  return counts;
}

Counts mixed(const Counts& own, std::int64_t total, std::int64_t least, std::int64_t most,
             double uniform) {
  std::vector<double> wanted;
  const double even = static_cast<double>(total) / static_cast<double>(own.size());
  for (const std::int64_t each : own)
    wanted.push_back(uniform * even + (1 - uniform) * static_cast<double>(each));
  return rounded(wanted, total, least, most);
}

// How many of a part's highest hold `share` of its sum.
std::int64_t prefix(std::span<const double> sums, double share) {
  const double enough = share * sums.back();
  return std::ranges::lower_bound(sums, enough) - sums.begin() + (share > 0 ? 1 : 0);
}

}  // namespace

Counts by_prefix(std::span<const float> scores, std::int64_t parts, std::int64_t total,
                 std::int64_t least, double uniform) {
  const std::int64_t entries = std::ssize(scores) / parts;
  std::vector<double> sums(scores.begin(), scores.end());  // of each part, from its highest on
  const auto part = [&](std::int64_t i) { return std::span(sums).subspan(i * entries, entries); };
  for (std::int64_t i = 0; i < parts; ++i) {
    std::ranges::sort(part(i), std::ranges::greater{});
    std::partial_sum(part(i).begin(), part(i).end(), part(i).begin());
  }
  const auto counts = [&](double share) {
    Counts result;
    for (std::int64_t i = 0; i < parts; ++i)
      result.push_back(std::min(prefix(part(i), share), entries));
    return result;
  };
  double low = 0, high = 1;  // the largest share that does not take more than there is
  for (int step = 0; step < 50; ++step) {
    const double share = (low + high) / 2;
    const Counts tried = counts(share);
    const std::int64_t taken = std::accumulate(tried.begin(), tried.end(), std::int64_t{0});
    (taken <= total ? low : high) = share;
  }
  return mixed(counts(low), total, least, entries, uniform);
}

Counts by_rank(std::span<const float> scores, std::int64_t parts, std::int64_t total,
               std::int64_t least, double uniform) {
  const std::int64_t entries = std::ssize(scores) / parts;
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::int64_t i) { return scores[i]; });
  Counts own(parts);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(total, std::ssize(order)); ++i)
    ++own[order[i] / entries];
  return mixed(own, total, least, entries, uniform);
}

}  // namespace pliant::kv
