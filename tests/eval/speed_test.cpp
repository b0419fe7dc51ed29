#include "eval/speed.h"

#include <gtest/gtest.h>

#include <numeric>

#include "models/language/openelm.h"
#include "models/language/random.h"

namespace pliant::eval {
namespace {

LanguageModel small() {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.vocabulary = 64;
  config.width = config.head_width = 64;
  config.layers = openelm::layers({64, 64, 1, 64}, {1}, {1});
  return random_language_model(config, Encoding::q8_0, 1);
}

TEST(Speed, EveryPromptAndTokenIsTimed) {
  ThreadPool pool(1);
  lm::Session session(small(), pool, {.context = 16});
  Speed speed;
  const SpeedOptions options{.prompt = 5, .tokens = 3, .depth = 4};
  for (int run = 0; run < 2; ++run)
    measure_speed(
        session, options, [] { return true; }, speed);
  EXPECT_EQ(speed.prompts.size(), 2u);
  EXPECT_EQ(speed.tokens.size(), 6u);
  for (const Sample& each : speed.tokens) EXPECT_GT(each.wall, 0);
  measure_speed(
      session, options, [] { return false; }, speed);
  EXPECT_EQ(speed.tokens.size(), 6u);
  EXPECT_TRUE(session.sequences().empty());
}

TEST(Speed, APrefixThatIsKnownIsNotComputedAgain) {
  ThreadPool pool(1);
  lm::Session session(small(), pool, {.prefix_bytes = std::int64_t{1} << 20});
  Speed speed;
  measure_prefix(session, 200, 1, speed);
  ASSERT_EQ(speed.first.size(), 1u);
  ASSERT_EQ(speed.first_cached.size(), 1u);
  EXPECT_GT(session.memory().kept, 0);
  EXPECT_TRUE(session.sequences().empty());
}

TEST(Speed, CountsWhatATokenReadsAndAPromptMultiplies) {
  LanguageModel model = small();
  // q, k, v and the output: 4 * 64 * 64; gate, up and down: 3 * 64 * 64
  EXPECT_EQ(prompt_multiply_adds(model.config), 7 * 64 * 64);
  const std::int64_t matrices = 7 * 64 * 64 + 64 * 64, norms = 3 * 64 + 2 * 64;
  EXPECT_EQ(weight_bytes_per_token(model), matrices / 32 * 34 + norms * 4);
  EXPECT_EQ(main_encoding(model), Encoding::q8_0);
}

TEST(Speed, PercentilesAreNearestRanks) {
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1);
  EXPECT_EQ(percentile(values, 0.99), 99);
  EXPECT_EQ(percentile(values, 1), 100);
  EXPECT_EQ(median(values), 50);
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(percentile({3}, 0), 3);
}

}  // namespace
}  // namespace pliant::eval
