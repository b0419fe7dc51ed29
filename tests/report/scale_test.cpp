#include "report/scale.h"

#include <gtest/gtest.h>

namespace pliant::report {
namespace {

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks) result.push_back(tick.text);
  return result;
}

using Texts = std::vector<std::string>;
constexpr double kib = 1024, mib = 1024 * 1024;

TEST(Scale, LinearMapsEndsToEnds) {
  const Scale scale = Scale::linear(10, 20, 100, 0);
  EXPECT_DOUBLE_EQ(scale(10), 100);
  EXPECT_DOUBLE_EQ(scale(20), 0);
  EXPECT_DOUBLE_EQ(scale(15), 50);
  EXPECT_DOUBLE_EQ(Scale::linear(3, 3, 0, 10)(3), 0);  // nothing to divide by
}

TEST(Scale, LogarithmicKeepsAPlaceForNothing) {
  const Scale scale = Scale::logarithmic(1, 100, 0, 100);
  EXPECT_DOUBLE_EQ(scale(0), 0);
  EXPECT_DOUBLE_EQ(scale(1), 10);
  EXPECT_DOUBLE_EQ(scale(10), 55);
  EXPECT_DOUBLE_EQ(scale(100), 100);
}

TEST(Ticks, CountsAreRound) {
  EXPECT_EQ(texts(count_ticks(0, 522, 10)), (Texts{"0", "100", "200", "300", "400", "500"}));
  EXPECT_EQ(texts(count_ticks(0, 1, 10)), (Texts{"0", "1"}));
  EXPECT_EQ(texts(count_ticks(0, 0, 10)), (Texts{"0"}));
  EXPECT_EQ(texts(count_ticks(900, 2095, 3)), (Texts{"1,000", "1,500", "2,000"}));
  EXPECT_EQ(texts(count_ticks(-7, 7, 5)), (Texts{"-5", "0", "5"}));
}

TEST(Ticks, BytesAreBinaryAndExact) {
  EXPECT_EQ(texts(byte_ticks(0, 964, 5)), (Texts{"0", "200 B", "400 B", "600 B", "800 B"}));
  EXPECT_EQ(texts(byte_ticks(0, 300 * kib, 6)),
            (Texts{"0", "64 KiB", "128 KiB", "192 KiB", "256 KiB"}));
  EXPECT_EQ(texts(byte_ticks(0, mib, 4)), (Texts{"0", "0.25 MiB", "0.5 MiB", "0.75 MiB", "1 MiB"}));
  EXPECT_EQ(texts(byte_ticks(896 * kib, mib, 2)), (Texts{"896 KiB", "960 KiB", "1 MiB"}));
  EXPECT_EQ(texts(byte_ticks(0, 1, 3)), (Texts{"0", "1 B"}));
}

TEST(Ticks, ThereAreNeverMoreThanAskedForByMuch) {
  for (double high = 1; high < 1e13; high *= 1.37)
    for (const int count : {2, 5, 10}) {
      const auto ticks = byte_ticks(0, high, count);
      EXPECT_GE(ticks.size(), 1u) << high;
      EXPECT_LE(ticks.size(), static_cast<std::size_t>(count) + 1) << high;
    }
}

TEST(Ticks, LogarithmicOnesArePowersOfTwo) {
  EXPECT_EQ(texts(byte_ticks_logarithmic(1000, 9000, 9)),
            (Texts{"1 KiB", "2 KiB", "4 KiB", "8 KiB"}));
  EXPECT_LE(byte_ticks_logarithmic(1, 1e12, 9).size(), 9u);
  EXPECT_EQ(texts(count_ticks_logarithmic(3, 40, 9)), (Texts{"4", "8", "16", "32"}));
}

TEST(Ticks, LabelsAreShort) {
  EXPECT_EQ(byte_label(0), "0");
  EXPECT_EQ(byte_label(512), "512 B");
  EXPECT_EQ(byte_label(1536), "1.5 KiB");
  EXPECT_EQ(byte_label(3 * mib), "3 MiB");
}

}  // namespace
}  // namespace pliant::report
