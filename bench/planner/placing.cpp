#include "planner/placing.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/files.h"

namespace pliant::bench {
namespace {

using place::Rectangle;

constexpr std::int64_t capacity = 1'048'576;

struct Instance {
  const char* name;
  // seconds of minimalloc 9f5cf81, one thread, measured in another run on another day
  double published;
};
constexpr Instance instances[] = {{"A", 5.29}, {"B", 4.05}, {"C", 0.81},
                                  {"D", 3.82}, {"E", 3.95}, {"F", 5.50}};

bool meet(const Rectangle& a, const Rectangle& b) { return a.lower < b.upper && b.lower < a.upper; }

struct Span {
  std::int64_t begin, end;
};

std::int64_t best_fit(std::vector<Span> taken, std::int64_t size) {
  std::sort(taken.begin(), taken.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::int64_t top = 0, best = -1, slack = std::numeric_limits<std::int64_t>::max();
  for (const Span& span : taken) {
    const std::int64_t gap = span.begin - top;
    if (gap >= size && gap - size < slack) {
      best = top;
      slack = gap - size;
    }
    top = std::max(top, span.end);
  }
  return best >= 0 ? best : top;
}

std::int64_t height_of(const std::vector<Rectangle>& rectangles,
                       const std::vector<std::int64_t>& offsets) {
  std::int64_t height = 0;
  for (std::size_t i = 0; i < rectangles.size(); ++i)
    height = std::max(height, offsets[i] + rectangles[i].size);
  return height;
}

PlacementRow place_one(const Instance& instance, const std::string& folder, double seconds,
                       int runs) {
  const std::string path = folder + "/" + instance.name + ".1048576.csv";
  const std::vector<Rectangle> rectangles =
      place::instance_from_csv(read_file(path), path).rectangles;
  place::PlaceOptions options;
  options.deadline = Deadline(seconds);
  std::vector<double> times;
  place::Placement result;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    result = place::place(rectangles, capacity, options);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const bool placed = result.status == place::Outcome::placed;
  if (placed && !valid(rectangles, result.offsets, capacity))
    throw Error(ErrorKind::invalid, path, "the placement overlaps or exceeds the capacity",
                "report this");
  const std::vector<std::int64_t> greedy = greedy_best_fit(rectangles);
  const char* status = placed                                        ? "placed"
                       : result.status == place::Outcome::impossible ? "impossible"
                                                                     : "undecided";
  return {instance.name,
          status,
          rectangles.size(),
          capacity,
          height_of(rectangles, greedy),
          median(times),
          instance.published};
}

}  // namespace

std::vector<std::int64_t> greedy_best_fit(const std::vector<Rectangle>& rectangles) {
  std::vector<std::size_t> order(rectangles.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rectangles[a].size > rectangles[b].size;
  });
  std::vector<std::int64_t> offsets(rectangles.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Rectangle& now = rectangles[order[i]];
    std::vector<Span> taken;
    for (std::size_t j = 0; j < i; ++j)
      if (meet(now, rectangles[order[j]]))
        taken.push_back({offsets[order[j]], offsets[order[j]] + rectangles[order[j]].size});
    offsets[order[i]] = best_fit(std::move(taken), now.size);
  }
  return offsets;
}

bool valid(const std::vector<Rectangle>& rectangles, const std::vector<std::int64_t>& offsets,
           std::int64_t limit) {
  for (std::size_t i = 0; i < rectangles.size(); ++i) {
    if (offsets[i] < 0 || offsets[i] + rectangles[i].size > limit) return false;
    for (std::size_t j = 0; j < i; ++j)
      if (meet(rectangles[i], rectangles[j]) && offsets[i] < offsets[j] + rectangles[j].size &&
          offsets[j] < offsets[i] + rectangles[i].size)
        return false;
  }
  return true;
}

std::vector<PlacementRow> place_instances(const std::string& folder, double seconds, int runs) {
  std::vector<PlacementRow> rows;
  for (const Instance& each : instances) rows.push_back(place_one(each, folder, seconds, runs));
  return rows;
}

}  // namespace pliant::bench
