#include "search/windows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "errors.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;
using elasticvit::Inner;
using elasticvit::Space;
using elasticvit::StageChoice;

// 2,304 subnets: small enough to list.
Space small_space() {
  Space space = elasticvit::published_space();
  space.resolutions = {128, 224};
  const std::size_t few[] = {1, 2, 1, 2, 2, 2, 2};
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    elasticvit::StageSpace& stage = space.stages[i];
    stage.widths.resize(few[i]);
    stage.depths.resize(i % 2 == 0 ? 2 : 1);
    for (elasticvit::Choices* each : {&stage.expansions, &stage.kernels, &stage.mlp_ratios})
      each->resize(std::min<std::size_t>(each->size(), i == 2 || i == 4 ? 2 : 1));
    stage.v_scales.resize(std::min<std::size_t>(stage.v_scales.size(), 1));
  }
  space.stages[2].widths = {24};
  return space;
}

std::vector<Architecture> every_subnet(const Space& space) {
  std::vector<Architecture> all;
  const std::function<void(Architecture&)> extend = [&](Architecture& begun) {
    const std::size_t i = begun.stages.size();
    if (i == space.stages.size()) {
      all.push_back(begun);
      return;
    }
    for (const std::int64_t width : space.stages[i].widths)
      for (const std::int64_t depth : space.stages[i].depths)
        for (const Inner inner : inner_choices(space.stages[i])) {
          if (i > 0 && width < begun.stages.back().width) continue;
          begun.stages.push_back({width, depth, inner});
          extend(begun);
          begun.stages.pop_back();
        }
  };
  for (const std::int64_t resolution : space.resolutions) {
    Architecture begun{resolution, {}};
    extend(begun);
  }
  return all;
}

using Key = std::vector<std::int64_t>;

Key key_of(const Architecture& architecture) {
  Key key{architecture.resolution};
  for (const StageChoice& each : architecture.stages)
    key.insert(key.end(), {each.width, each.depth, each.inner.first, each.inner.second});
  return key;
}

std::map<Key, std::int64_t> inside(const Space& space, const Predictor& predictor, double low,
                                   double high) {
  std::map<Key, std::int64_t> names;
  for (const Architecture& each : every_subnet(space)) {
    const double cost = predictor.predict(each);
    if (cost >= low && cost <= high) names[key_of(each)] = 0;
  }
  return names;
}

// Chi-square, 5 standard deviations: df + 5 sqrt(2 df). One seed, so it passes or fails for good.
void expect_uniform(const Space& space, const StagePredictor& predictor, double low, double high) {
  std::map<Key, std::int64_t> draws = inside(space, predictor, low, high);
  ASSERT_GT(draws.size(), 20U);
  const Windows windows(predictor, 256);
  const Window window = windows.within(low, high);
  EXPECT_LE(window.at_least(), std::int64_t(draws.size()));
  EXPECT_GE(window.at_most(), std::int64_t(draws.size()));
  constexpr std::int64_t per_subnet = 6;
  Rng rng(7);
  for (std::size_t i = 0; i < per_subnet * draws.size(); ++i) {
    const auto found = draws.find(key_of(window.draw(rng)));
    ASSERT_NE(found, draws.end());
    ++found->second;
  }
  double chi_square = 0;
  for (const auto& [key, count] : draws)
    chi_square += double((count - per_subnet) * (count - per_subnet)) / per_subnet;
  const double freedom = static_cast<double>(draws.size() - 1);
  EXPECT_LT(std::abs(chi_square - freedom), 5 * std::sqrt(2 * freedom)) << freedom;
}

TEST(Windows, DrawsAreUniformOverWhatEnumerationFinds) {
  const Space space = small_space();
  EXPECT_EQ(std::int64_t(every_subnet(space).size()), size(space));
  const Flops flops(space);
  const Windows windows(flops);
  expect_uniform(space, flops, windows.least(), windows.most());
  expect_uniform(space, flops, 60e6, 62e6);
  expect_uniform(space, flops, windows.least(), windows.least() + 4e6);
  expect_uniform(space, ParameterCount(space), 6.2e6, 6.4e6);
}

TEST(Windows, EndsAreTheSmallestAndLargestSubnets) {
  const Space& space = elasticvit::published_space();
  const Flops flops(space);
  const Windows windows(flops);
  EXPECT_EQ(windows.least(), 37'365'024);
  EXPECT_EQ(windows.most(), 3'191'458'816);
  Rng rng(1);
  EXPECT_EQ(windows.within(0, 37'365'024).draw(rng), smallest(space));
  EXPECT_EQ(windows.within(3'191'458'816, 1e12).draw(rng), largest(space));
}

// Counts of an independent programme with bins of 0.05 M, in 1e13, and exact draws.
TEST(Windows, OfThePublishedSpaceHoldWhatAnotherCountFound) {
  const std::map<double, double> wanted{{100, 10.2}, {200, 62.7}, {300, 71.2}, {400, 70.1},
                                        {500, 55.9}, {700, 31.9}, {900, 19.0}, {1200, 7.03}};
  const Flops flops(elasticvit::published_space());
  const Windows windows(flops);
  EXPECT_EQ(windows.within(0, 1e12).at_least(), 21'672'453'419'827'200);
  Rng rng(3);
  for (const auto& [level, count] : wanted) {
    const Window window = windows.within(level * 1e6, (level + 20) * 1e6);
    EXPECT_LE(static_cast<double>(window.at_least()), count * 1.01e13);
    EXPECT_GE(static_cast<double>(window.at_most()), count * 0.99e13);
    EXPECT_LE(static_cast<double>(window.at_most() - window.at_least()), 0.05 * count * 1e13);
    for (int i = 0; i < 50; ++i) {
      const double cost = flops.predict(window.draw(rng));
      EXPECT_GE(cost, level * 1e6);
      EXPECT_LE(cost, (level + 20) * 1e6);
    }
  }
}

TEST(Windows, WithoutASubnetAreRefused) {
  const Space space = small_space();
  const Flops flops(space);
  const Windows windows(flops);
  EXPECT_EQ(error_of([&] { windows.within(2, 1); }), "window: 2 to 1 is empty");
  const std::string nothing = error_of([&] { windows.within(1, 2); });
  EXPECT_NE(nothing.find("no subnet costs 1 to 2 (they cost "), std::string::npos) << nothing;
  // Between two neighbours: bins cannot tell, draws do.
  const double above = windows.least() + 1;
  Rng rng(1);
  EXPECT_EQ(thrown_by([&] { windows.within(above, above).draw(rng); }).next_step(), "widen it");
}

}  // namespace
}  // namespace pliant::search
