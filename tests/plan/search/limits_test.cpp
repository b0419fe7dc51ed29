#include "plan/search/limits.h"

#include <gtest/gtest.h>

namespace pliant::plan {
namespace {

TEST(Budget, APartSpendsForTheWhole) {
  Budget whole({.effort = 100});
  whole.spend(30);
  {
    Budget part = whole.part(50);
    part.spend(50);
    EXPECT_FALSE(part.over());
    part.spend(1);
    EXPECT_TRUE(part.over());
    EXPECT_EQ(part.effort_left(), 0);
  }
  EXPECT_EQ(whole.spent(), 81);
  EXPECT_FALSE(whole.over());
  EXPECT_EQ(whole.part(50).effort_left(), 19);  // no more than the whole has
  EXPECT_EQ(whole.share(0.5).effort_left(), 9);
}

TEST(Budget, StopEndsEveryPart) {
  std::atomic<bool> stop{false};
  Budget whole({.stop = &stop});
  const Budget part = whole.part(5), share = whole.share(0.5);
  EXPECT_FALSE(whole.over() || part.over() || share.over());
  stop = true;
  EXPECT_TRUE(whole.over() && part.over() && share.over());
}

TEST(Budget, AShareOfNoTimeIsOver) {
  Budget whole({.seconds = 0});
  EXPECT_TRUE(whole.over());
  EXPECT_TRUE(whole.share(1).over());
}

}  // namespace
}  // namespace pliant::plan
