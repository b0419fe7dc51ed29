#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>

#include "core/rng.h"
#include "errors.h"
#include "models/elasticvit/counts.h"
#include "search/samplers/by_level.h"
#include "search/samplers/uniform.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;
using elasticvit::Space;

const Space& space() { return elasticvit::published_space(); }

// Three levels, so that banks fill soon.
LevelOptions few_levels() {
  LevelOptions options = published_sampling(20);
  options.levels = {{100e6, 120e6}, {300e6, 320e6}, {500e6, 520e6}};
  options.banks->capacities = {6, 4, 4};
  options.bins = 1 << 11;
  options.seed = 11;
  return options;
}

// Any function of the subnet will do.
double score(const Architecture& architecture) {
  return -static_cast<double>(hash64(to_json(space(), architecture)) % 1000) / 300;
}

std::vector<Architecture> subnets_of(const std::vector<Drawn>& step) {
  std::vector<Architecture> result;
  for (const Drawn& each : step) result.push_back(each.architecture);
  return result;
}

std::vector<Architecture> take_step(StepSampler& sampler) {
  const std::vector<Drawn> step = sampler.next();
  std::vector<double> scores;
  for (const Drawn& each : step)
    if (each.to_score) scores.push_back(score(each.architecture));
  sampler.told(scores);
  return subnets_of(step);
}

// Saved after any step and restored into a sampler that has gone elsewhere.
void expect_resumes(const std::function<std::unique_ptr<StepSampler>()>& make) {
  const auto whole = make(), other = make();
  for (int step = 0; step < 60; ++step) {
    take_step(*whole);
    if (step % 12 != 5) continue;
    const std::string saved = whole->state();
    other->restore(saved, "state");
    EXPECT_EQ(other->state(), saved);
    const auto ahead = make();
    ahead->restore(saved, "state");
    for (int i = 0; i < 15; ++i) {
      const auto wanted = take_step(*ahead);
      ASSERT_EQ(take_step(*other), wanted) << step << " " << i;
    }
  }
  other->restore(make()->state(), "state");
  const auto fresh = make();
  EXPECT_EQ(take_step(*other), take_step(*fresh));
}

TEST(LevelSampler, GoesOnFromItsStateAsItWouldHave) {
  for (const LevelOrder order : {LevelOrder::walk, LevelOrder::independent})
    expect_resumes([&] {
      LevelOptions options = few_levels();
      options.order = order;
      return std::make_unique<LevelSampler>(space(), options);
    });
}

TEST(UniformSampler, GoesOnFromItsStateAsItWouldHave) {
  expect_resumes(
      [] { return std::make_unique<UniformSampler>(space(), UniformOptions{.bins = 1 << 9}); });
}

TEST(LevelSampler, SubnetsOfAStepShareALevelThatNeighboursTheLast) {
  LevelSampler sampler(space(), few_levels());
  const auto levels = few_levels().levels;
  const auto smallest = few_levels().smallest;
  std::size_t last = 0;
  for (int i = 0; i < 150; ++i) {
    const std::vector<Architecture> step = take_step(sampler);
    const std::size_t level = sampler.level();
    ASSERT_EQ(step.size(), 4U);
    if (i > 0) {
      EXPECT_LE(std::max(level, last) - std::min(level, last), 1U);
    }
    last = level;
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_GE(flops(space(), step[k]), levels[level].low);
      EXPECT_LE(flops(space(), step[k]), levels[level].high);
    }
    EXPECT_EQ(step[3], smallest[level].architecture);
  }
}

TEST(LevelSampler, IndependentLevelsJump) {
  LevelOptions options = few_levels();
  options.order = LevelOrder::independent;
  options.banks.reset();
  LevelSampler sampler(space(), options);
  int visits[3] = {}, jumps = 0;
  std::size_t last = 1;
  for (int i = 0; i < 300; ++i) {
    sampler.next();
    ++visits[sampler.level()];
    jumps += std::max(last, sampler.level()) - std::min(last, sampler.level()) == 2;
    last = sampler.level();
  }
  for (const int each : visits) EXPECT_NEAR(each, 100, 4 * std::sqrt(300 * 2.0 / 9));
  EXPECT_NEAR(jumps, 300 * 2.0 / 9, 4 * std::sqrt(300 * 14.0 / 81));
}

// One level, so that every step draws from one bank.
LevelOptions one_level() {
  LevelOptions options = few_levels();
  options.levels.resize(1);
  options.banks->capacities = {10};
  options.random = 1;
  return options;
}

TEST(LevelSampler, ExploitsABankThatIsMoreThanHalfFullMoreAndMore) {
  LevelOptions options = one_level();
  options.banks->growth_steps = 300;
  options.banks->candidates = 1;
  LevelSampler sampler(space(), options);
  for (int i = 0; i < 6; ++i) {  // of 10: half full is not enough
    EXPECT_TRUE(sampler.next()[0].to_score);
    sampler.told(std::vector<double>{-1.0 - i});
  }
  std::map<std::int64_t, int> exploited;
  for (int i = 6; i < 1800; ++i) {
    const Drawn drawn = sampler.next()[0];
    exploited[i / 300] += !drawn.to_score;
    if (drawn.to_score) sampler.told(std::vector<double>{-100});
  }
  for (int period = 0; period < 6; ++period) {
    const double wanted = 0.2 + 0.15 * period, steps = period == 0 ? 294 : 300;
    EXPECT_NEAR(exploited[period], wanted * steps, 4 * std::sqrt(steps * wanted * (1 - wanted)));
  }
  EXPECT_EQ(sampler.exploit(), 1);  // 0.2 + 6 * 0.15 is more
}

TEST(LevelSampler, ExploresByPreferenceOnceItsBankIsHalfFull) {
  LevelOptions options = one_level();
  options.banks->exploit = options.banks->growth = 0;
  const Architecture anchor = smallest(space());
  const auto mean_preference = [&](int candidates) {
    options.banks->candidates = candidates;
    LevelSampler sampler(space(), options);
    double sum = 0;
    for (int i = 0; i < 105; ++i) {
      const Drawn drawn = sampler.next()[0];
      sampler.told(std::vector<double>{-1.0 - i});
      if (i >= 5) sum += depth_over_width(space(), drawn.architecture, anchor);
    }
    return sum / 100;
  };
  const double any = mean_preference(1), wide = mean_preference(5);
  EXPECT_LT(wide, any - 1e6) << "of FLOPs";
}

TEST(LevelSampler, ScoresAreCounted) {
  LevelSampler sampler(space(), few_levels());
  sampler.next();
  EXPECT_EQ(error_of([&] { sampler.told(std::vector<double>{-1}); }),
            "sampler: 1 scores for 3 subnets");
  sampler.told(std::vector<double>{-1, -2, -3});
  EXPECT_EQ(sampler.banks()[sampler.level()].entries().size(), 3U);
  EXPECT_EQ(sampler.remembered().size(), 3U);
  EXPECT_EQ(error_of([&] { sampler.rescored(std::vector<double>{-3}); }),
            "sampler: 1 scores for the 3 subnets of its banks");
  sampler.rescored(std::vector<double>{-3, -2, -1});
  EXPECT_EQ(sampler.banks()[sampler.level()].entries()[0].score, -3);
}

TEST(LevelSampler, RefusesTheStateOfAnother) {
  LevelSampler sampler(space(), few_levels());
  for (int i = 0; i < 5; ++i) take_step(sampler);
  const std::string before = sampler.state();
  const auto refused = [&](const std::string& state) {
    return error_of([&] { sampler.restore(state, "state"); });
  };
  EXPECT_EQ(refused(R"({"step": 1, "level": 0, "banks": []})"), "state: banks: are 0, but here 3");
  EXPECT_EQ(refused(R"({"step": -1, "level": 0, "banks": [[], [], []]})"),
            "state: step: is -1, not an integer from 0 to 9223372036854775807");
  EXPECT_EQ(refused(R"({"step": 1, "level": 3, "banks": [[], [], []]})"),
            "state: level: is 3, not an integer from 0 to 2");
  const std::string entry =
      R"({"arch": )" + to_json(space(), largest(space())) + R"(, "score": -1})";
  EXPECT_EQ(refused(R"({"step": 1, "level": 0, "banks": [[)" + entry + "], [], []]}"),
            "state: banks[0][0].arch: costs 3191458816 FLOPs, which is not 100000000 to 120000000");
  EXPECT_EQ(sampler.state(), before);
}

TEST(LevelSampler, RefusesOptionsOutOfRange) {
  const auto refused = [](const std::function<void(LevelOptions&)>& change) {
    LevelOptions options = few_levels();
    change(options);
    return error_of([&] { LevelSampler(space(), options); });
  };
  EXPECT_EQ(refused([](LevelOptions& o) { o.random = -1; }), "sampler: random: is -1");
  EXPECT_EQ(refused([](LevelOptions& o) { o.banks->capacities.pop_back(); }),
            "sampler: capacities: are 2 for 3 levels");
  EXPECT_EQ(refused([](LevelOptions& o) { o.banks->exploit = 1.5; }),
            "sampler: exploit: 1.5 is no probability");
  EXPECT_EQ(refused([](LevelOptions& o) { o.banks->growth = -1; }), "sampler: growth: is -1");
  EXPECT_EQ(refused([](LevelOptions& o) { o.banks->growth_steps = -1; }),
            "sampler: growth_steps: is -1");
  EXPECT_EQ(refused([](LevelOptions& o) { o.banks->candidates = 0; }), "sampler: candidates: is 0");
}

TEST(UniformSampler, TakesTheLargestFirstAndTheSmallestLast) {
  UniformSampler sampler(space(), {.random = 2, .largest = true, .bins = 1 << 9});
  const std::vector<Drawn> step = sampler.next();
  ASSERT_EQ(step.size(), 4U);
  EXPECT_EQ(step[0].architecture, largest(space()));
  EXPECT_EQ(step[0].part, Part::largest);
  EXPECT_EQ(step[1].part, Part::random);
  EXPECT_NE(step[1].architecture, step[2].architecture);
  EXPECT_EQ(step[3].architecture, smallest(space()));
  EXPECT_EQ(step[3].part, Part::smallest);
  EXPECT_EQ(error_of([&] { sampler.told(std::vector<double>{1}); }), "sampler: 1 scores for none");
  EXPECT_EQ(error_of([&] { UniformSampler(space(), {.random = -1}); }),
            "sampler: -1 subnets a step");
}

TEST(PublishedSampling, IsThePapers) {
  const LevelOptions options = published_sampling(7);
  EXPECT_EQ(options.banks->capacities,
            (std::vector<std::size_t>{150, 150, 150, 150, 50, 50, 50, 50}));
  EXPECT_EQ(options.random, 3);
  EXPECT_EQ(options.banks->growth_steps, 7);
}

}  // namespace
}  // namespace pliant::search
