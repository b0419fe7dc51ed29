#include "plan/sweep.h"

#include <algorithm>
#include <cassert>

#include "core/checked.h"

namespace pliant::plan {

std::vector<std::int64_t> spread_sizes(std::int64_t low, std::int64_t high, std::int64_t count,
                                       std::int64_t alignment) {
  assert(low > 0 && low <= high && count >= 1);
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : 1.0 * i / (count - 1);
    const auto size =
        i + 1 == count && count > 1 ? high : low + static_cast<std::int64_t>(share * (high - low));
    sizes.push_back(round_up(size, alignment));
  }
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

std::vector<std::int64_t> sweep_sizes(const ScratchpadSizes& sizes, std::int64_t count,
                                      std::int64_t alignment) {
  assert(count >= 2);
  const std::int64_t low = std::max<std::int64_t>(1, sizes.required.bytes),
                     high = std::max(low, sizes.peak);
  std::vector<std::int64_t> result = spread_sizes(low, high, count - 1, alignment);
  const std::int64_t apart = count > 2 ? (high - low) / (count - 2) : 0;
  const std::int64_t above =
      round_up(high + std::max({apart, high / 16, std::int64_t{1}}), alignment);
  if (above > result.back()) result.push_back(above);
  return result;
}

std::vector<SweepPoint> sweep(const Problem& problem, const std::vector<std::int64_t>& sizes,
                              const SweepWork& work) {
  const Deadline stop(no_time_limit, work.options.limits.stop);
  std::vector<SweepPoint> points;
  for (const std::int64_t bytes : sizes) {
    if (stop.stopped()) break;
    if (work.progress) work.progress(points.size());
    const Plan plan = work.solve(bytes);
    SweepPoint point{
        bytes, plan.status, plan.traffic_bytes, plan.lower_bound_bytes, objective_of(plan), {}};
    for (const NamedBaseline& each : baselines(
             problem, work.peak_order, bytes, {work.options.alignment, work.options.costs, stop})) {
      BaselineTraffic& traffic = point.baselines.emplace_back();
      traffic.name = each.name;
      if (!each.plan) continue;
      traffic.traffic_bytes = each.plan->plan.traffic_bytes;
      traffic.cost = cost_of(each.plan->plan);
    }
    if (stop.stopped()) break;
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace pliant::plan
