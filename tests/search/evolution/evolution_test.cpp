#include "search/evolution/evolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "errors.h"
#include "models/elasticvit/golden.h"
#include "search/evolution/target.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

const elasticvit::Space& space() {
  static const elasticvit::Space toy = elasticvit::toy_space("toy_a");
  return toy;
}

std::string text(const Architecture& subnet) { return to_json(space(), subnet); }

// Deep transformers of a wide end: something to find that FLOPs alone do not say.
double made_up(const Architecture& subnet) {
  double value = 0;
  for (const elasticvit::StageChoice& each : subnet.stages)
    value += static_cast<double>(each.depth * each.inner.second);
  return value + static_cast<double>(subnet.stages.back().width) / 16;
}

TEST(Changes, NeighboursDifferInOneChoiceAndAreInTheSpace) {
  const Architecture subnet = smallest(space());
  std::set<std::string> seen;
  for (const Architecture& each : neighbours(space(), subnet)) {
    check(space(), each, "neighbour");
    EXPECT_TRUE(seen.insert(text(each)).second);
    int differences = each.resolution != subnet.resolution;
    for (std::size_t i = 0; i < each.stages.size(); ++i) {
      differences += each.stages[i].width != subnet.stages[i].width;
      differences += each.stages[i].depth != subnet.stages[i].depth;
      differences += each.stages[i].inner.first != subnet.stages[i].inner.first ||
                     each.stages[i].inner.second != subnet.stages[i].inner.second;
    }
    EXPECT_EQ(differences, 1);
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST(Evolution, FindsBetterSubnetsThanDrawingAsMany) {
  const Flops flops(space());
  const double middle = 0.5 * (flops.predict(smallest(space())) + flops.predict(largest(space())));
  const std::vector<Constraint> constraints{{&flops, 0, middle}};
  const EvolutionOptions options{.begin = 20, .generations = 10};
  const auto best = [](const std::vector<Evaluated>& all) {
    return std::ranges::max_element(all, {}, &Evaluated::value)->value;
  };
  const std::vector<Evaluated> found = evolve(space(), constraints, options, made_up),
                               drawn = evolve(space(), constraints,
                                              {.begin = options.evaluations(), .generations = 0},
                                              made_up);
  EXPECT_GT(best(found), best(drawn));
  std::set<std::string> distinct;
  for (const Evaluated& each : found) {
    EXPECT_LE(flops.predict(each.architecture), middle);
    check(space(), each.architecture, "found");
    EXPECT_TRUE(distinct.insert(text(each.architecture)).second);
  }
  EXPECT_LE(std::ssize(found), options.evaluations());
}

TEST(Evolution, EndedAnywhereAndBegunAgainItGoesTheSameWay) {
  const Flops flops(space());
  const std::vector<Constraint> constraints{{&flops, 0, 1e12}};
  const EvolutionOptions options{.begin = 6, .generations = 4};
  const std::vector<Evaluated> whole = evolve(space(), constraints, options, made_up);
  for (const std::size_t end : {0U, 5U, 6U, 30U}) {
    std::map<std::string, double> kept;
    evolve(space(), constraints, options, [&](const Architecture& subnet) {
      return kept.size() == end ? std::nullopt
                                : std::optional(kept[text(subnet)] = made_up(subnet));
    });
    EXPECT_EQ(kept.size(), end);
    const std::vector<Evaluated> again =
        evolve(space(), constraints, options, [&](const Architecture& subnet) {
          const auto found = kept.find(text(subnet));
          return std::optional(found == kept.end() ? made_up(subnet) : found->second);
        });
    ASSERT_EQ(again.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i)
      EXPECT_EQ(again[i].architecture, whole[i].architecture);
  }
}

TEST(Evolution, APredictorSparesEvaluations) {
  const Flops flops(space());
  const std::vector<Constraint> constraints{{&flops, 0, 1e12}};
  EvolutionOptions options{.begin = 30, .generations = 2, .mutations = 4, .crossings = 4};
  const auto late = [&] {  // mean of what was evaluated after the beginning
    const std::vector<Evaluated> all = evolve(space(), constraints, options, made_up);
    double sum = 0;
    for (std::size_t i = 30; i < all.size(); ++i) sum += all[i].value;
    return sum / static_cast<double>(all.size() - 30);
  };
  const double without = late();
  options.screen = 20;
  options.screen_from = 30;
  EXPECT_GT(late(), without);
}

TEST(Evolution, FrontIsWhatNothingBeats) {
  const Flops flops(space());
  const std::vector<Evaluated> all =
      evolve(space(), {{&flops, 0, 1e12}}, {.begin = 40, .generations = 3}, made_up);
  const std::vector<std::size_t> front = pareto_front(all, flops);
  ASSERT_GT(front.size(), 1U);
  const auto cost = [&](const Evaluated& each) { return flops.predict(each.architecture); };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool beaten = std::ranges::any_of(front, [&](std::size_t f) {
      return cost(all[f]) <= cost(all[i]) && all[f].value >= all[i].value;
    });
    EXPECT_TRUE(beaten) << i;
  }
  for (std::size_t i = 1; i < front.size(); ++i) {
    EXPECT_LT(cost(all[front[i - 1]]), cost(all[front[i]]));
    EXPECT_LT(all[front[i - 1]].value, all[front[i]].value);
  }
}

TEST(Target, NearestIsTheEndOfTheSpaceWhereNothingMeetsIt) {
  const Flops flops(space());
  Rng rng(1);
  const std::vector<Constraint> too_little{{&flops, 0, 1000}}, too_much{{&flops, 1e15, 2e15}};
  EXPECT_EQ(nearest(space(), too_little, rng), smallest(space()));
  EXPECT_EQ(nearest(space(), too_much, rng), largest(space()));
  const double least = flops.predict(smallest(space()));
  EXPECT_DOUBLE_EQ(excess(too_little, smallest(space())), (least - 1000) / 1000);
  const std::vector<Constraint> met{{&flops, least, 2 * least}};
  EXPECT_EQ(excess(met, nearest(space(), met, rng)), 0);
}

TEST(Target, IsReadFromJsonAndRefusedByField) {
  const std::vector<Bound> bounds = bounds_from_json(
      R"({"flops": 150e6, "parameters": [1e6, 8e6], "latency_ms": {"pixel6": 20}})", "t");
  ASSERT_EQ(bounds.size(), 3U);
  EXPECT_EQ(bounds[0].high, 150e6);
  EXPECT_EQ(bounds[1].low, 1e6);
  EXPECT_TRUE(bounds[2].latency);
  EXPECT_EQ(bounds[2].name, "pixel6");
  const auto refused = [](const char* json) {
    return error_of([&] { bounds_from_json(json, "t"); });
  };
  EXPECT_EQ(refused("{}"),
            "t: bounds nothing; name flops, parameters or latency_ms with what is allowed");
  EXPECT_EQ(refused(R"({"flops": [1, 2, 3]})"), "t: flops: has 3 numbers, not from and to");
  EXPECT_EQ(refused(R"({"flops": [2, 1]})"), "t: flops: from 2 to 1 is no range");
  EXPECT_NE(refused(R"({"flop": 2})").find("flops"), std::string::npos);
}

}  // namespace
}  // namespace pliant::search
