#include "search/regression.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "search/windows.h"

namespace pliant::search {
namespace {

// Multiply-accumulates that are really done, M, counted by another programme in a forward pass.
TEST(Work, IsWhatIsReallyComputed) {
  const elasticvit::Space& space = elasticvit::published_space();
  const double wanted[] = {64.899,  120.548, 221.549, 320.252, 417.419,
                           522.879, 626.031, 713.129, 824.590};
  const auto macs = [&](const elasticvit::Architecture& architecture) {
    const Amounts amounts = work(space, architecture);
    double sum = 0;
    for (const Work each : {Work::pointwise, Work::depthwise, Work::attention})
      sum += amounts[static_cast<std::size_t>(each)];
    return sum / 1e6;
  };
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(macs(elasticvit::published_architectures()[i].architecture), wanted[i], 5e-4);
  EXPECT_NEAR(macs(smallest(space)), 38.286, 5e-4);
  EXPECT_NEAR(macs(largest(space)), 3213.103, 5e-4);
}

Prices some_prices() {
  Prices prices;
  prices.milliseconds = {2e-8, 4e-8, 5e-7, 6e-8, 3e-8, 0, 1e-6, 1e-3};
  return prices;
}

TEST(Regression, FindsPricesThatTimesWereMadeOf) {
  const elasticvit::Space& space = elasticvit::published_space();
  const PricedWork truth(space, some_prices());
  const Flops flops(space);
  const Windows windows(flops, 4096);
  Rng rng(1);
  std::vector<Timed> timed, more;
  for (int i = 0; i < 60; ++i) {
    const elasticvit::Architecture subnet =
        windows.within(windows.least(), windows.most()).draw(rng);
    (i % 2 == 0 ? timed : more).push_back({subnet, truth.predict(subnet)});
  }
  const Prices found = fit(space, timed);
  EXPECT_LE(mean_error(PricedWork(space, found), more), 1e-3);
  for (const double each : found.milliseconds) EXPECT_GE(each, 0);
  timed[0].milliseconds = 0;
  EXPECT_EQ(error_of([&] { fit(space, timed); }), "fit: 0 ms is no time a subnet takes");
}

TEST(Regression, PricesAreReadFromAFile) {
  const std::string text = R"({"processor": "any", "milliseconds_per": {"pointwise": 1,
    "narrow": 2, "weights": 3, "depthwise": 4, "attention": 5, "scores": 6, "elements": 7,
    "operators": 8}})";
  EXPECT_TRUE(has_prices(text));
  EXPECT_EQ(prices_from_json(text, "f").milliseconds, (Amounts{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(error_of([] { prices_from_json(R"({"milliseconds_per": {}})", "f"); }),
            "f: milliseconds_per: lacks the field 'pointwise'");
  EXPECT_EQ(error_of([] { prices_from_json(R"({"milliseconds_per": {"pointwise": -1}})", "f"); }),
            "f: milliseconds_per.pointwise: -1 is negative");
}

}  // namespace
}  // namespace pliant::search
