#include "search/evolution/steps.h"

#include <gtest/gtest.h>

#include <set>

#include "models/elasticvit/golden.h"
#include "search/evolution/changes.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

TEST(SingleSteps, EachIsANeighbourInTheSpaceAndNoneIsMissing) {
  const elasticvit::Space space = elasticvit::published_space();
  for (const elasticvit::Published& each : elasticvit::published_architectures()) {
    const std::vector<Architecture> all = neighbours(space, each.architecture);
    const std::vector<Step> steps = single_steps(space, each.architecture);
    EXPECT_GT(steps.size(), 20u);
    std::multiset<std::string> choices;
    for (const Step& step : steps) {
      EXPECT_NO_THROW(check(space, step.architecture, step.choice));
      EXPECT_NE(std::ranges::find(all, step.architecture), all.end()) << step.choice;
      EXPECT_NE(step.from, step.to);
      choices.insert(step.choice);
    }
    for (const std::string& choice : choices) EXPECT_LE(choices.count(choice), 2u) << choice;
  }
}

TEST(SingleSteps, EndsOfTheSpaceGoOneWay) {
  const elasticvit::Space space = elasticvit::toy_space("toy_a");
  for (const Step& step : single_steps(space, smallest(space))) EXPECT_GT(step.to, step.from);
  for (const Step& step : single_steps(space, largest(space))) EXPECT_LT(step.to, step.from);
}

}  // namespace
}  // namespace pliant::search
