#include "image/augment.h"

#include <gtest/gtest.h>

#include <set>

#include "errors.h"

namespace pliant {
namespace {

Image picture() {
  Image image{20, 12, {}};
  Rng rng(1);
  for (int i = 0; i < 20 * 12 * 3; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(rng.below(256)));
  return image;
}

const AugmentOptions nothing{.side = 12, .least_area = 1, .mirror = false, .operations = 0};

TEST(Augment, OfNothingIsAResize) {
  Rng rng(1);
  EXPECT_EQ(augment(picture(), nothing, rng), resize(picture(), 12, 12));
}

TEST(Augment, MirrorsHalfOfThem) {
  AugmentOptions options = nothing;
  options.mirror = true;
  const Image plain = resize(picture(), 12, 12);
  Image mirrored = plain;
  for (int i = 0; i < 12 * 12 * 3; ++i)
    mirrored.pixels[i] = plain.pixels[(i / 36 * 12 + 11 - i % 36 / 3) * 3 + i % 3];
  Rng rng(1);
  int count = 0;
  for (int i = 0; i < 100; ++i) {
    const Image got = augment(picture(), options, rng);
    ASSERT_TRUE(got == plain || got == mirrored);
    count += got == mirrored;
  }
  EXPECT_NEAR(count, 50, 20);
}

TEST(Augment, DependsOnTheStateOfTheGeneratorAlone) {
  const AugmentOptions options{.side = 16, .operations = 2, .strength = 9};
  std::set<std::vector<std::uint8_t>> seen;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng a(seed), b(seed);
    const Image first = augment(picture(), options, a);
    EXPECT_EQ(first, augment(picture(), options, b));
    EXPECT_EQ(first.width, 16);
    EXPECT_EQ(first.pixels.size(), 16U * 16 * 3);
    seen.insert(first.pixels);
  }
  EXPECT_GT(seen.size(), 55U);
}

TEST(Augment, OfNoStrengthKeepsEveryOperationNeutralButOne) {
  AugmentOptions options = nothing;
  options.operations = 1;
  options.strength = 0;
  Image grey{12, 12, std::vector<std::uint8_t>(12 * 12 * 3, 90)};  // which stretching leaves alone
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    EXPECT_EQ(augment(grey, options, rng), grey) << seed;
  }
}

TEST(Augment, PartsAreOfTheSharesThatWereAskedFor) {
  Image halves{40, 40, {}};
  for (int i = 0; i < 40 * 40; ++i)
    for (int c = 0; c < 3; ++c) halves.pixels.push_back(i % 40 < 20 ? 0 : 255);
  AugmentOptions options = nothing;
  options.least_area = 0.05;
  int one_sided = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const Image part = augment(halves, options, rng);
    const std::set<std::uint8_t> values(part.pixels.begin(), part.pixels.end());
    one_sided += values.size() == 1;
  }
  EXPECT_GT(one_sided, 5);  // small ones
  EXPECT_LT(one_sided, 100);
}

TEST(Augment, RefusesOptionsOutOfRange) {
  const auto refused = [](AugmentOptions options) {
    Rng rng(1);
    return error_of([&] { augment(picture(), options, rng); });
  };
  EXPECT_EQ(refused({.side = 0}), "augment: side: is 0");
  EXPECT_EQ(refused({.least_area = 0}), "augment: least_area: 0.000000 is no share");
  EXPECT_EQ(refused({.operations = -1}), "augment: operations: are -1");
  EXPECT_EQ(refused({.strength = 11}), "augment: strength: 11.000000 is not 0 to 10");
}

TEST(Crop, IsAPartAndLiesInside) {
  const Image image = picture();
  const Image part = crop(image, 3, 2, 5, 4);
  EXPECT_EQ(part.pixels[(1 * 5 + 2) * 3 + 1], image.pixels[((2 + 1) * 20 + 3 + 2) * 3 + 1]);
  EXPECT_EQ(crop(image, 0, 0, 20, 12), image);
  EXPECT_EQ(error_of([&] { crop(image, 16, 0, 5, 4); }),
            "crop: 5 x 4 at 16, 0 is not inside 20 x 12");
  EXPECT_EQ(error_of([&] { crop(image, 0, -1, 5, 4); }),
            "crop: 5 x 4 at 0, -1 is not inside 20 x 12");
}

}  // namespace
}  // namespace pliant
