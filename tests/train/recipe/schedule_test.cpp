#include "train/recipe/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/files.h"

namespace pliant::train {
namespace {

TEST(Schedule, CosineIsCoreNets) {
  const auto train = nlohmann::json::parse(read_file("golden/openelm/tiny_a/train.json"));
  ScheduleRecipe recipe;
  recipe.warmup = 2;
  const Schedule schedule(recipe, 1e-2, 8, Schedule::never);
  for (const auto& step : train["steps"])
    EXPECT_NEAR(schedule.rate(step["step"]), step["lr"], 1e-12) << step["step"];
  // the step after the last one would have the lowest rate
  EXPECT_GT(schedule.rate(8), 1e-3);
  EXPECT_NEAR(schedule.rate(9), 1e-3, 1e-12);
  for (int step = 3; step <= 9; ++step) EXPECT_LT(schedule.rate(step), schedule.rate(step - 1));
}

TEST(Schedule, WsdStaysThenFalls) {
  ScheduleRecipe recipe;
  recipe.kind = ScheduleKind::wsd;
  recipe.warmup = 10;
  recipe.warmup_from = 0;
  const Schedule open(recipe, 1, Schedule::never, Schedule::never);
  EXPECT_EQ(open.rate(0), 0);
  EXPECT_EQ(open.rate(5), 0.5);
  EXPECT_EQ(open.rate(1'000'000), 1);
  const Schedule schedule(recipe, 1, 100, 80);
  EXPECT_EQ(schedule.rate(80), 1);
  EXPECT_NEAR(schedule.rate(90), 0.1 + 0.9 * (1 - std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(schedule.rate(100), 0.1, 1e-12);
}

}  // namespace
}  // namespace pliant::train
