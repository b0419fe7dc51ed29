#include "search/samplers/levels.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "errors.h"
#include "models/elasticvit/counts.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;
using elasticvit::Space;

TEST(Levels, SmallestSubnetsAreThePublishedOnes) {
  const Space& space = elasticvit::published_space();
  const std::vector<Smallest> smallest = published_smallest();
  ASSERT_EQ(smallest.size(), 3U);
  const auto subnets = nlohmann::json::parse(read_file("golden/elasticvit/subnets.json"));
  std::size_t found = 0;
  for (const auto& each : subnets) {
    if (!std::string(each["name"]).starts_with("smallest_")) continue;
    EXPECT_EQ(architecture_from_json(space, each["arch"].dump(), "golden"),
              smallest.at(found++).architecture);
  }
  EXPECT_EQ(found, 3U);
}

TEST(Levels, SmallestSubnetsChangeAt220And420MFLOPs) {
  const std::vector<Smallest> smallest = published_smallest();
  const auto chosen = [&](double flops) { return &smallest_for(smallest, flops) - &smallest[0]; };
  EXPECT_EQ(chosen(100e6), 0);
  EXPECT_EQ(chosen(220e6), 0);
  EXPECT_EQ(chosen(221e6), 1);
  EXPECT_EQ(chosen(420e6), 1);
  EXPECT_EQ(chosen(421e6), 2);
  EXPECT_EQ(chosen(1200e6), 2);
  const std::vector<Smallest> low(smallest.begin(), smallest.end() - 1);
  EXPECT_EQ(error_of([&] { smallest_for(low, 421e6); }),
            "smallest subnets: none is for levels of 421000000 FLOPs (let the last one have no "
            "upper end)");
}

TEST(Levels, WalkVisitsAllAlikeAndMovesByOneAtMost) {
  constexpr std::size_t levels = 8;
  constexpr int steps = 800'000;
  std::array<int, levels> visits{};
  int at_ends = 0, stayed_at_ends = 0;
  std::size_t level = 3;
  Rng rng(1);
  for (int i = 0; i < steps; ++i) {
    const std::size_t next = neighbour(level, levels, rng);
    ASSERT_LT(next, levels);
    ASSERT_LE(next > level ? next - level : level - next, 1U);
    if (level == 0 || level == levels - 1) {
      ++at_ends;
      stayed_at_ends += next == level;
    }
    ++visits[level = next];
  }
  // A level is left for good about every 20 steps, so that much fewer visits are independent.
  for (const int each : visits) EXPECT_NEAR(each, steps / levels, 0.08 * steps / levels);
  EXPECT_NEAR(stayed_at_ends, 2.0 / 3 * at_ends, 4 * std::sqrt(2.0 / 9 * at_ends));
}

TEST(Levels, OneLevelIsItsOwnNeighbour) {
  Rng rng(1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(neighbour(0, 1, rng), 0U);
}

void expect_above(const Architecture& drawn, const Architecture& floor) {
  EXPECT_GE(drawn.resolution, floor.resolution);
  for (std::size_t i = 0; i < floor.stages.size(); ++i) {
    EXPECT_GE(drawn.stages[i].width, floor.stages[i].width) << i;
    EXPECT_GE(drawn.stages[i].depth, floor.stages[i].depth) << i;
    EXPECT_GE(drawn.stages[i].inner.first, floor.stages[i].inner.first) << i;
    EXPECT_GE(drawn.stages[i].inner.second, floor.stages[i].inner.second) << i;
  }
}

TEST(LevelDraws, LieInTheirLevelAndAboveItsSmallestSubnet) {
  const Space& space = elasticvit::published_space();
  const LevelDraws draws(space, published_levels(), published_smallest(), 1 << 12);
  Rng rng(5);
  for (std::size_t level = 0; level < draws.levels().size(); ++level)
    for (int i = 0; i < 40; ++i) {
      SCOPED_TRACE(level);
      const Architecture drawn = draws.draw(level, rng);
      check(space, drawn, "drawn");
      EXPECT_GE(flops(space, drawn), draws.levels()[level].low);
      EXPECT_LE(flops(space, drawn), draws.levels()[level].high);
      expect_above(drawn, draws.smallest(level));
    }
  EXPECT_EQ(flops(space, draws.smallest(1)), 37'365'024);
  EXPECT_NEAR(static_cast<double>(flops(space, draws.smallest(3))), 159.924e6, 500);
  EXPECT_NEAR(static_cast<double>(flops(space, draws.smallest(7))), 288.809e6, 500);
}

TEST(LevelDraws, RefuseNoLevelsAndLevelsWithoutSubnets) {
  const Space& space = elasticvit::published_space();
  EXPECT_EQ(error_of([&] { LevelDraws(space, {}, published_smallest(), 64); }),
            "levels: there are none (name one at least)");
  EXPECT_EQ(thrown_by([&] {
              LevelDraws(space, {{1e6, 2e6}}, published_smallest(), 64);
            }).kind(),
            ErrorKind::not_found);
}

}  // namespace
}  // namespace pliant::search
