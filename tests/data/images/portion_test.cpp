#include "data/images/portion.h"

#include <gtest/gtest.h>

#include <set>

#include "data/images/shapes.h"
#include "errors.h"

namespace pliant::data {
namespace {

TEST(Portion, PartsAreTheWholeAndFollowTheSeed) {
  const Shapes whole({.count = 400, .side = 16});
  const Portion training(whole, ImagePart::training, 0.25, 1),
      held_out(whole, ImagePart::held_out, 0.25, 1), other(whole, ImagePart::held_out, 0.25, 2);
  EXPECT_EQ(training.size() + held_out.size(), 400);
  EXPECT_NEAR(static_cast<double>(held_out.size()), 100, 30);
  EXPECT_EQ(training.classes(), whole.classes());
  std::set<std::vector<std::uint8_t>> seen;
  for (const Portion* part : {&training, &held_out})
    for (std::int64_t i = 0; i < part->size(); ++i) seen.insert(part->at(i).image.pixels);
  EXPECT_EQ(seen.size(), 400U);
  std::size_t differ = 0;
  for (std::int64_t i = 0; i < std::min(held_out.size(), other.size()); ++i)
    differ += held_out.at(i).image != other.at(i).image;
  EXPECT_GT(differ, 10U);
}

TEST(Portion, RefusesWhatIsNoShare) {
  const Shapes whole({.count = 4, .side = 16});
  EXPECT_EQ(Portion(whole, ImagePart::held_out, 0, 1).size(), 0);
  EXPECT_EQ(error_of([&] { Portion(whole, ImagePart::held_out, 1, 1); }),
            "held_out: 1 is no share below 1");
}

}  // namespace
}  // namespace pliant::data
