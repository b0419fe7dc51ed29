#include "lm/pace.h"

#include <gtest/gtest.h>

#include "core/rng.h"

namespace pliant::lm {
namespace {

// A stream whose guesses come true by chance, and whose runs take a plain one's time and `row` of
// it more for each guess.
struct World {
  double follows = 0.5, beside = 0, row = 0.25, noise = 0;
};

struct Result {
  double speed = 0;  // beside a stream without guesses
  std::int64_t guessed = 0;
};

Result play(const World& world, const Guesses& most, std::int64_t tokens, std::uint64_t seed) {
  Pace pace(most);
  Rng rng(seed);
  double seconds = 0;
  std::int64_t made = 0;
  Result result;
  while (made < tokens) {
    const Guesses plan = pace.plan();
    EXPECT_LE(plan.tokens, most.tokens);
    EXPECT_LE(plan.depth, most.depth);
    EXPECT_LE(plan.branches, most.branches);
    std::vector<std::int64_t> widths(std::max<std::int64_t>(plan.branches, 1), 1);
    widths[0] = plan.depth;
    Pace::Run run{.depth = plan.depth, .tokens = widths};
    while (run.common < plan.depth && rng.uniform() < world.follows) ++run.common;
    run.accepted = run.common;
    if (run.common < plan.depth)
      for (std::int64_t branch = 1; branch < plan.branches && run.branch == 0; ++branch)
        if (rng.uniform() < world.beside) {
          run.branch = branch;
          ++run.accepted;
        }
    const auto guessed = static_cast<double>(plan.depth + plan.branches - 1);
    run.seconds = (1 + world.row * (plan.depth > 0 ? guessed : 0)) *
                  (1 + world.noise * (rng.uniform() - 0.5));
    result.guessed += plan.depth;
    seconds += run.seconds;
    made += run.accepted + 1;
    pace.ran(run);
  }
  result.speed = static_cast<double>(made) / seconds;
  return result;
}

TEST(Pace, GuessesThatDoNotPayCostAThirtiethAtMost) {
  for (const double row : {0.05, 0.25, 0.6, 1.0})
    for (const double follows : {0.0, 0.05, 0.2})
      for (const double noise : {0.0, 0.3})
        for (const Guesses& most : {Guesses{1, 1, 1}, {4, 4, 1}, {15, 15, 1}, {8, 8, 4}})
          EXPECT_GT(play({follows, 0, row, noise}, most, 1000, 3).speed, 0.97)
              << row << ' ' << follows << ' ' << noise << ' ' << most.tokens;
}

TEST(Pace, GuessesThatPayAreMade) {
  EXPECT_GT(play({0.9, 0, 0.1, 0.1}, {15, 15, 1}, 1000, 1).speed, 2.5);
  EXPECT_GT(play({0.9, 0, 0.25, 0.1}, {4, 4, 1}, 1000, 1).speed, 1.8);
  EXPECT_GT(play({0.5, 0, 0.1, 0.1}, {15, 15, 1}, 1000, 1).speed, 1.35);
}

TEST(Pace, BranchesAreGuessedWhereTheyPay) {
  const auto speed = [](const World& world, std::int64_t branches) {
    return play(world, {8, 8, branches}, 2000, 2).speed;
  };
  const World useful{0.5, 0.6, 0.1, 0.1}, useless{0.6, 0, 0.3, 0.1};
  EXPECT_GT(speed(useful, 3), 1.05 * speed(useful, 1));
  EXPECT_GT(speed(useless, 3), 0.95 * speed(useless, 1));
}

// A text that repeats itself, then another one.
TEST(Pace, NoticesThatATextHasChanged) {
  Pace pace({8, 8, 1});
  const auto run = [&](bool comes_true) {
    const Guesses plan = pace.plan();
    const std::vector<std::int64_t> widths{plan.depth};
    const std::int64_t accepted = comes_true ? plan.depth : 0;
    pace.ran({.depth = plan.depth,
              .accepted = accepted,
              .common = accepted,
              .tokens = widths,
              .seconds = 1 + 0.2 * static_cast<double>(plan.depth)});
    return plan.depth;
  };
  for (int i = 0; i < 50; ++i) run(true);
  EXPECT_EQ(run(true), 8);
  std::int64_t guessed = 0;
  for (int i = 0; i < 200; ++i) guessed += run(false);
  EXPECT_LT(guessed, 80);
  std::int64_t later = 0;
  for (int i = 0; i < 1000; ++i) later = run(true);
  EXPECT_EQ(later, 8);
}

TEST(Pace, WithoutGuessesThereIsNothingToPlan) {
  Pace pace({0, 0, 1});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(pace.plan().tokens, 0);
    pace.ran({.seconds = 1});
  }
}

}  // namespace
}  // namespace pliant::lm
