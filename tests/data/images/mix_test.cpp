#include "data/images/mix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "errors.h"

namespace pliant::data {
namespace {

constexpr std::int64_t batch = 4, side = 16, size = 3 * side * side;

// Image i is all i; its class is i.
struct Batch {
  Tensor images{{DType::f32, {batch, 3, side, side}}}, targets{{DType::f32, {batch, batch}}};
  Batch() {
    for (std::int64_t i = 0; i < batch * size; ++i)
      set(images.view(), i, static_cast<double>(i / size));
    for (std::int64_t i = 0; i < batch; ++i) set(targets.view(), i * batch + i, 1);
  }
  double target(std::int64_t image, std::int64_t label) const {
    return get(targets.view(), image * batch + label);
  }
};

TEST(Mix, MixupBlendsImagesAndTargetsInOneShare) {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Batch given;
    Rng rng(seed);
    mix(given.images.view(), given.targets.view(), {.mixup = 0.4}, rng);
    for (std::int64_t i = 0; i < batch; ++i) {
      const double own = given.target(i, i), other = given.target(i, batch - 1 - i);
      EXPECT_NEAR(own + other, 1, 1e-6);
      EXPECT_NEAR(own, given.target(0, 0), 1e-6);
      const double wanted = own * double(i) + other * double(batch - 1 - i);
      EXPECT_NEAR(get(given.images.view(), i * size), wanted, 1e-5);
      EXPECT_NEAR(get(given.images.view(), i * size + size - 1), wanted, 1e-5);
    }
    sum += given.target(0, 0);
  }
  EXPECT_NEAR(sum / 100, 0.5, 0.15);
}

TEST(Mix, CutmixExchangesABoxAndCountsIt) {
  int boxes = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Batch given;
    Rng rng(seed);
    mix(given.images.view(), given.targets.view(), {.cutmix = 1}, rng);
    for (std::int64_t i = 0; i < batch; ++i) {
      double own = 0;
      for (std::int64_t at = 0; at < size; ++at) {
        const double value = get(given.images.view(), i * size + at);
        ASSERT_TRUE(value == double(i) || value == double(batch - 1 - i));
        own += value == double(i);
      }
      EXPECT_NEAR(given.target(i, i), own / size, 1e-6);
    }
    boxes += given.target(0, 0) < 1;
  }
  EXPECT_GT(boxes, 80);
}

TEST(Mix, SharesOfASmallBetaAreNearlyAllOrNothing) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Batch given;
    Rng rng(seed);
    mix(given.images.view(), given.targets.view(), {.mixup = 0.01}, rng);
    const double share = given.target(0, 0);
    ASSERT_TRUE(std::isfinite(share));
    EXPECT_LT(std::min(share, 1 - share), 0.51);
  }
}

TEST(Mix, OfNeitherLeavesAllAsItWas) {
  Batch given;
  const Batch before;
  Rng rng(1);
  mix(given.images.view(), given.targets.view(), {}, rng);
  erase(given.images.view(), 0, rng);
  for (std::int64_t i = 0; i < batch * size; ++i)
    ASSERT_EQ(get(given.images.view(), i), get(before.images.view(), i));
}

TEST(Erase, PutsNoiseIntoABoxOfEachImage) {
  Tensor images({DType::f32, {50, 3, side, side}});
  Rng rng(3);
  erase(images.view(), 0.5, rng);
  int erased = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    int changed = 0;
    for (std::int64_t at = 0; at < size; ++at) changed += get(images.view(), i * size + at) != 0;
    EXPECT_EQ(changed % 3, 0) << "all channels alike";
    EXPECT_LE(changed, size / 3 + 3 * 2 * side);  // and what rounding adds
    erased += changed > 0;
  }
  EXPECT_NEAR(erased, 25, 15);
}

TEST(Mix, RefusesOptionsOutOfRange) {
  Batch given;
  Rng rng(1);
  const auto mixed = [&](MixOptions options) {
    return error_of([&] { mix(given.images.view(), given.targets.view(), options, rng); });
  };
  EXPECT_EQ(mixed({.mixup = 2}), "mix: mixup: 2 is not 0 to 1");
  EXPECT_EQ(mixed({.cutmix = -1}), "mix: cutmix: -1 is not 0 to 1");
  EXPECT_EQ(error_of([&] { erase(given.images.view(), 1.5, rng); }),
            "erase: 1.5 is no probability");
}

}  // namespace
}  // namespace pliant::data
