#include "plan/baseline/baseline.h"

#include <gtest/gtest.h>

namespace pliant::plan {
namespace {

// x feeds three operators; a is used at once and at the end.
Problem chain() {
  Problem p;
  p.tensors = {{"x", 10, Role::input},
               {"a", 10, Role::activation},
               {"b", 10, Role::activation},
               {"c", 10, Role::activation},
               {"y", 5, Role::output}};
  p.operators = {
      {"f", {0}, {1}, 0}, {"g", {0}, {2}, 0}, {"h", {2}, {3}, 0}, {"join", {1, 3}, {4}, 0}};
  return p;
}

TEST(Baseline, PaysNothingWhenAllFits) { EXPECT_EQ(default_belady(chain(), 30)->traffic_bytes, 0); }

TEST(Baseline, StoresAndReloadsWhatIsUsedLast) {
  EXPECT_EQ(default_belady(chain(), 25)->traffic_bytes, 20);
}

TEST(Baseline, HasNoAnswerWhenAnOperatorDoesNotFit) {
  EXPECT_FALSE(default_belady(chain(), 24).has_value());
  Problem p = chain();
  p.operators[0].workspace = 11;
  EXPECT_FALSE(default_belady(p, 30).has_value());
  EXPECT_TRUE(default_belady(p, 31).has_value());
}

TEST(Baseline, InputsAreNeverStored) {
  Problem p;
  p.tensors = {{"x", 10, Role::input},
               {"a", 10, Role::activation},
               {"b", 15, Role::activation},
               {"y", 5, Role::output}};
  p.operators = {{"f", {0}, {1}, 0}, {"g", {1}, {2}, 0}, {"h", {2, 0}, {3}, 0}};
  EXPECT_EQ(default_belady(p, 30)->traffic_bytes, 10);  // x leaves for nothing and comes back
  EXPECT_EQ(default_belady(p, 35)->traffic_bytes, 0);
}

}  // namespace
}  // namespace pliant::plan
