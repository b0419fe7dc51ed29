#include "eval/rouge.h"

#include <gtest/gtest.h>

namespace pliant::eval {
namespace {

// The examples of Lin's paper, section 3.1 (with F at equal weight).
TEST(Rouge, CountsWordsInOrder) {
  const char* const reference = "police killed the gunman";
  EXPECT_NEAR(rouge_l("police kill the gunman", reference).f, 0.75, 1e-12);
  EXPECT_NEAR(rouge_l("the gunman kill police", reference).f, 0.5, 1e-12);
}

TEST(Rouge, LettersAreSmallAndSignsAreNoWords) {
  const Rouge got = rouge_l("The -- CAT, sat!", "the cat sat down");
  EXPECT_NEAR(got.precision, 1, 1e-12);
  EXPECT_NEAR(got.recall, 0.75, 1e-12);
}

TEST(Rouge, NothingInCommonIsZero) {
  EXPECT_EQ(rouge_l("", "a").f, 0);
  EXPECT_EQ(rouge_l("a", "").f, 0);
  EXPECT_EQ(rouge_l("a b", "c d").f, 0);
}

}  // namespace
}  // namespace pliant::eval
