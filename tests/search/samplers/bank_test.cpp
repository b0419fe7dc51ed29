#include "search/samplers/bank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "errors.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

// Subnets that differ; a bank does not ask for their space.
Architecture subnet(std::int64_t number) { return {number, {}}; }

TEST(Bank, HoldsTheBestOfAllThatWereOffered) {
  Bank bank(5);
  Rng rng(3);
  std::vector<double> scores;
  for (std::int64_t i = 0; i < 200; ++i) {
    scores.push_back(-rng.uniform());
    bank.offer(subnet(i), scores.back());
    std::vector<double> wanted = scores, got;
    std::ranges::sort(wanted, std::greater{});
    if (wanted.size() > 5) wanted.resize(5);
    for (const Scored& each : bank.entries()) got.push_back(each.score);
    std::ranges::sort(got, std::greater{});
    ASSERT_EQ(got, wanted);
    ASSERT_EQ(bank.best().score, wanted[0]);
  }
}

TEST(Bank, AKnownSubnetIsScoredAnew) {
  Bank bank(2);
  bank.offer(subnet(1), -1);
  bank.offer(subnet(2), -2);
  bank.offer(subnet(1), -3);
  ASSERT_EQ(bank.entries().size(), 2U);
  EXPECT_EQ(bank.best().architecture, subnet(2));
  bank.offer(subnet(3), -2.5);  // in place of the first, which is the worst one now
  EXPECT_EQ(bank.entries()[0].architecture, subnet(3));
}

TEST(Bank, DrawsInProportionToTheExponentOfScores) {
  Bank bank(3);
  const double scores[] = {-1000, -1001, -1000.5};  // whose exponents are 0
  double sum = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    bank.offer(subnet(i), scores[i]);
    sum += std::exp(scores[i] + 1000);
  }
  Rng rng(9);
  constexpr int draws = 30'000;
  int counts[3] = {};
  for (int i = 0; i < draws; ++i) ++counts[bank.draw(rng).resolution];
  for (int i = 0; i < 3; ++i) {
    const double share = std::exp(scores[i] + 1000) / sum;
    EXPECT_NEAR(counts[i], draws * share, 4 * std::sqrt(draws * share)) << i;
  }
}

TEST(Bank, RescoresInOrder) {
  Bank bank(3);
  bank.offer(subnet(1), -1);
  bank.offer(subnet(2), -2);
  bank.rescore(std::vector<double>{-4, -3});
  EXPECT_EQ(bank.best().architecture, subnet(2));
  EXPECT_EQ(error_of([&] { bank.rescore(std::vector<double>{-4}); }),
            "bank: 1 scores for 2 subnets");
  EXPECT_EQ(error_of([&] { bank.rescore(std::vector<double>{-1, NAN}); }), "bank: nan is no score");
  EXPECT_EQ(bank.best().score, -3);  // as it was
}

TEST(Bank, RefusesWhatIsNoScoreAndNoCapacity) {
  EXPECT_EQ(error_of([] { Bank(0); }), "bank: holds no subnet");
  Bank bank(1);
  EXPECT_EQ(error_of([&] { bank.offer(subnet(1), INFINITY); }), "bank: inf is no score");
  EXPECT_TRUE(bank.entries().empty());
}

TEST(Preference, IsForWidthRatherThanDepth) {
  const elasticvit::Space& space = elasticvit::published_space();
  const Architecture anchor = smallest(space);
  EXPECT_EQ(depth_over_width(space, anchor, anchor), 0);
  Architecture wide = anchor, deep = anchor;
  for (std::size_t i = 3; i < space.stages.size(); ++i) {
    wide.stages[i].width = space.stages[i].widths.back();
    deep.stages[i].depth = space.stages[i].depths.back();
  }
  EXPECT_LT(depth_over_width(space, wide, anchor), 0);
  EXPECT_GT(depth_over_width(space, deep, anchor), 0);
  // widths and depths of convolutions do not count
  Architecture convolutions = anchor;
  convolutions.stages[2].depth = space.stages[2].depths.back();
  EXPECT_EQ(depth_over_width(space, convolutions, anchor), 0);
}

}  // namespace
}  // namespace pliant::search
