#include "data/images/shapes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "errors.h"

namespace pliant::data {
namespace {

TEST(Shapes, DependOnSeedAndNumberAlone) {
  const Shapes few({.count = 20, .side = 32, .seed = 5}),
      many({.count = 999, .side = 32, .seed = 5}), other({.count = 20, .side = 32, .seed = 6});
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(few.at(i).image, many.at(i).image);
    EXPECT_NE(few.at(i).image, other.at(i).image);
    EXPECT_EQ(few.at(i).label, i % 16);
  }
  EXPECT_NE(few.at(0).image, few.at(16).image);
  EXPECT_EQ(few.size(), 20);
}

TEST(Shapes, HaveSixteenNamesAndTheSideThatWasAskedFor) {
  for (const int side : {16, 64}) {
    const Shapes shapes({.count = 1, .side = side});
    const Image image = shapes.at(0).image;
    EXPECT_EQ(image.width, side);
    EXPECT_EQ(image.height, side);
    EXPECT_EQ(std::ssize(image.pixels), 3 * side * side);
    const std::set<std::string> names(shapes.classes().begin(), shapes.classes().end());
    EXPECT_EQ(names.size(), 16U);
  }
}

// What a shape covers stands out: without noise some pixels differ much from the commonest ones.
TEST(Shapes, StandOutFromTheirGround) {
  const Shapes shapes({.count = 160, .side = 32, .seed = 2, .noise = 0});
  for (std::int64_t i = 0; i < shapes.size(); ++i) {
    const Image image = shapes.at(i).image;
    double most = 0;
    for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
      double squares = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const double apart = (image.pixels[at + c] - image.pixels[c]) / 255.0;
        squares += apart * apart;
      }
      most = std::max(most, std::sqrt(squares));
    }
    EXPECT_GT(most, 0.2) << i;
  }
}

TEST(Shapes, RefuseWhatIsOutOfRange) {
  EXPECT_EQ(error_of([] { Shapes({.count = 0}); }), "shapes: count: is 0");
  EXPECT_EQ(error_of([] { Shapes({.count = 1, .side = 8}); }),
            "shapes: side: 8 is not 16 to 256 pixels");
  EXPECT_EQ(error_of([] { Shapes({.count = 1, .noise = 2}); }), "shapes: noise: 2 is not 0 to 1");
}

}  // namespace
}  // namespace pliant::data
