#include "search/samplers/levels.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Space;

std::vector<Level> published_levels() {
  std::vector<Level> levels;
  for (const double mega : {100, 200, 300, 400, 500, 700, 900, 1200})
    levels.push_back({mega * 1e6, (mega + 20) * 1e6});
  return levels;
}

std::vector<Smallest> published_smallest() {
  return {{220e6, smallest(elasticvit::published_space())},
          {420e6,
           {176,
            {{16, 1, {1, 3}},
             {24, 3, {3, 3}},
             {32, 3, {3, 3}},
             {48, 2, {2, 2}},
             {96, 2, {3, 2}},
             {176, 2, {2, 2}},
             {224, 2, {2, 2}}}}},
          {INFINITY,
           {224,
            {{16, 1, {1, 3}},
             {24, 3, {3, 3}},
             {32, 3, {3, 3}},
             {64, 2, {2, 2}},
             {96, 2, {2, 2}},
             {192, 2, {2, 2}},
             {256, 2, {2, 2}}}}}};
}

const Smallest& smallest_for(std::span<const Smallest> smallest, double flops) {
  const auto found = std::find_if(smallest.begin(), smallest.end(),
                                  [&](const Smallest& each) { return flops <= each.upto; });
  if (found != smallest.end()) return *found;
  throw Error(ErrorKind::invalid, "smallest subnets",
              fmt::format("none is for levels of {:.0f} FLOPs", flops),
              "let the last one have no upper end");
}

std::size_t neighbour(std::size_t level, std::size_t levels, Rng& rng) {
  const std::int64_t turn = rng.below(3);
  if (turn == 0) return level == 0 ? level : level - 1;
  return turn == 1 ? std::min(level + 1, levels - 1) : level;
}

struct LevelDraws::Above {
  Above(const Space& whole, const Smallest& given, std::int64_t bins)
      : smallest(given),
        space(space_above(whole, given.architecture)),
        flops(space),
        windows(flops, bins) {}
  Smallest smallest;
  Space space;
  Flops flops;
  Windows windows;
};

LevelDraws::LevelDraws(const Space& space, std::vector<Level> levels,
                       const std::vector<Smallest>& smallest, std::int64_t bins)
    : levels_(std::move(levels)) {
  if (levels_.empty())
    throw Error(ErrorKind::invalid, "levels", "there are none", "name one at least");
  for (const Level& level : levels_) {
    const Smallest& own = smallest_for(smallest, level.low);
    auto above = std::find_if(above_.begin(), above_.end(), [&](const auto& each) {
      return each->smallest.architecture == own.architecture;
    });
    if (above == above_.end())
      above = above_.insert(above_.end(), std::make_unique<const Above>(space, own, bins));
    by_level_.push_back({above->get(), (*above)->windows.within(level.low, level.high)});
  }
}

LevelDraws::~LevelDraws() = default;

const Architecture& LevelDraws::smallest(std::size_t level) const {
  return by_level_[level].above->smallest.architecture;
}

Architecture LevelDraws::draw(std::size_t level, Rng& rng) const {
  return by_level_[level].window.draw(rng);
}

}  // namespace pliant::search
