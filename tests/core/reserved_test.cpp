#include "core/reserved.h"

#include "errors.h"

namespace pliant {
namespace {

TEST(Reserved, IsZeroAndMoves) {
  ReservedArray<std::int32_t> values(1 << 20, "here");
  EXPECT_EQ(values.size(), 1 << 20);
  for (std::int64_t i = 0; i < values.size(); i += 1000) ASSERT_EQ(values[i], 0);
  values[77] = 7;
  ReservedArray<std::int32_t> moved = std::move(values);
  EXPECT_EQ(moved[77], 7);
  moved = ReservedArray<std::int32_t>(0, "here");
  EXPECT_EQ(moved.size(), 0);
}

TEST(Reserved, WhatCannotBeIsRefused) {
  const Error error = thrown_by([] { Reserved(std::int64_t{1} << 60, "the cache"); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_EQ(error.place(), "the cache");
  EXPECT_NE(error.problem().find("1048576 TiB"), std::string::npos) << error.problem();
  EXPECT_NE(error.next_step().find("ulimit -v"), std::string::npos);
  EXPECT_EQ(thrown_by([] { ReservedArray<std::int32_t>(std::int64_t{1} << 62, "x"); }).kind(),
            ErrorKind::invalid);
}

}  // namespace
}  // namespace pliant
