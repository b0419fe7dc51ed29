#include "core/suggest.h"

#include <gtest/gtest.h>

namespace pliant {
namespace {

TEST(Suggest, FindsTheNearestWord) {
  const std::vector<std::string> words{"plan", "plan check", "inspect", "doctor", "run"};
  EXPECT_EQ(nearest("paln", words), "plan");
  EXPECT_EQ(nearest("isnpect", words), "inspect");
  EXPECT_EQ(nearest("doc", words), "doctor");
  EXPECT_EQ(nearest("RUN", words), "run");
  EXPECT_EQ(nearest("frobnicate", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(did_you_mean("zzz", words, "ask"), "ask");
}

}  // namespace
}  // namespace pliant
