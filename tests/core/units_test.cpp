#include "core/units.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace pliant {
namespace {

TEST(Units, BytesWithBinaryAndDecimalUnits) {
  EXPECT_EQ(bytes_from_text("4096", "x").count, 4096);
  EXPECT_EQ(bytes_from_text("512KiB", "x").count, 512 * 1024);
  EXPECT_EQ(bytes_from_text("1.5 MiB", "x").count, 1536 * 1024);
  EXPECT_EQ(bytes_from_text("64kB", "x").count, 64000);
  EXPECT_EQ(bytes_from_text("2G", "x").count, std::int64_t{2} << 30);
}

TEST(Units, CountsHaveDecimalUnits) {
  EXPECT_EQ(count_from_text("519", "x"), 519);
  EXPECT_EQ(count_from_text("100M", "x"), 100'000'000);
  EXPECT_EQ(count_from_text("1.5 G", "x"), 1'500'000'000);
  for (const char* bad : {"", "M", "-1", "1.5", "1MiB", "1e30T", "nan"})
    EXPECT_THROW(count_from_text(bad, "--flops"), Error) << bad;
}

TEST(Units, RefusesWhatIsNoSize) {
  for (const char* text : {"", "KiB", "-1", "-0KiB", "1.5", "1e3", "12 apples", "0x10", "nan",
                           "inf", "9999999TiB", "1 2"})
    EXPECT_THROW(bytes_from_text(text, "x"), Error) << text;
}

TEST(Units, Durations) {
  EXPECT_DOUBLE_EQ(seconds_from_text("30", "x").count, 30);
  EXPECT_DOUBLE_EQ(seconds_from_text("250ms", "x").count, 0.25);
  EXPECT_DOUBLE_EQ(seconds_from_text("2 min", "x").count, 120);
  EXPECT_DOUBLE_EQ(seconds_from_text("1.5h", "x").count, 5400);
  for (const char* text : {"", "s", "-1s", "3 days", "1e99"})
    EXPECT_THROW(seconds_from_text(text, "x"), Error) << text;
}

TEST(Units, TextReadsBackOrIsShort) {
  EXPECT_EQ(bytes_text(524288), "512 KiB");
  EXPECT_EQ(bytes_text(37632), "37632 B");
  EXPECT_EQ(bytes_text(1605632), "1.53 MiB");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(seconds_text(0.00031), "310.0 us");
  EXPECT_EQ(seconds_text(4.25), "4.25 s");
  EXPECT_EQ(seconds_text(185), "3 min 5 s");
  EXPECT_EQ(seconds_text(7260), "2 h 1 min");
  EXPECT_EQ(count_text(519), "519");
  EXPECT_EQ(count_text(3858000000), "3.86 G");
  EXPECT_EQ(grouped_text(1605632), "1,605,632");
  EXPECT_EQ(grouped_text(-123456), "-123,456");
  EXPECT_EQ(grouped_text(999), "999");
}

}  // namespace
}  // namespace pliant
