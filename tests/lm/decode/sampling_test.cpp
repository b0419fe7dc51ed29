#include "lm/decode/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "lm/decode/expect_error.h"

namespace pliant::lm {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

std::vector<float> random_logits(Rng& rng, std::int64_t size) {
  std::vector<float> logits(static_cast<std::size_t>(size));
  // Quarters, so that equal logits are common.
  for (float& each : logits) each = static_cast<float>(std::round(4 * 3 * rng.normal()) / 4);
  if (rng.below(3) == 0)
    for (std::int64_t i = 1; i < size; i += 3) logits[i] = -inf;
  return logits;
}

// The definition, by full sorts in f64.
std::vector<TokenProbability> naive(const SamplingOptions& options, std::span<const float> logits,
                                    std::span<const TokenId> history) {
  std::vector<TokenProbability> all;  // probability holds the logit at first
  for (std::size_t i = 0; i < logits.size(); ++i)
    all.push_back({static_cast<TokenId>(i), logits[i]});
  for (const LogitBias& each : options.bias) all[each.id].probability += each.bias;
  const auto window = static_cast<std::size_t>(options.penalty_window);
  if (window > 0 && history.size() > window) history = history.last(window);
  std::map<TokenId, int> counts;
  for (const TokenId id : history) ++counts[id];
  for (const auto& [id, count] : counts) {
    double& logit = all[id].probability;
    logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    logit =
        static_cast<float>(logit - options.presence_penalty - count * options.frequency_penalty);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](auto& a, auto& b) { return a.probability > b.probability; });
  if (options.temperature == 0) return {{all[0].id, 1.0}};
  const double highest = all[0].probability;
  const auto normalise = [&] {
    double sum = 0;
    for (auto& each : all) sum += each.probability;
    for (auto& each : all) each.probability /= sum;
  };
  for (auto& each : all)
    each.probability = std::exp((each.probability - highest) / options.temperature);
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < all.size())
    all.resize(options.top_k);
  normalise();
  double reached = 0;
  std::size_t kept = 0;
  while (kept < all.size() && (options.top_p == 1 || reached < options.top_p))
    reached += all[kept++].probability;
  all.resize(kept);
  std::erase_if(all, [&, first = all[0].probability](auto& each) {
    return each.probability < options.min_p * first;
  });
  normalise();
  std::erase_if(all, [](auto& each) { return each.probability <= 0; });
  return all;
}

SamplingOptions random_options(Rng& rng, std::int64_t vocabulary) {
  SamplingOptions options;
  const auto maybe = [&](auto& field, auto value) {
    if (rng.below(2) == 0) field = value;
  };
  maybe(options.temperature, rng.below(4) == 0 ? 0.0 : 0.1 + 2 * rng.uniform());
  maybe(options.top_k, rng.between(1, vocabulary + 3));
  maybe(options.top_p, 0.013 + 0.98 * rng.uniform());
  maybe(options.min_p, 0.3 * rng.uniform() + 1e-4);
  maybe(options.repetition_penalty, 0.7 + rng.uniform());
  maybe(options.presence_penalty, rng.normal());
  maybe(options.frequency_penalty, rng.normal());
  maybe(options.penalty_window, rng.between(0, 12));
  maybe(options.bias, std::vector<LogitBias>{{static_cast<TokenId>(rng.below(vocabulary)), 2.5F},
                                             {static_cast<TokenId>(rng.below(vocabulary)), -inf}});
  return options;
}

TEST(Sampling, EqualsTheDefinition) {
  Rng rng(1);
  for (int trial = 0; trial < 3000; ++trial) {
    const std::int64_t vocabulary = trial % 10 == 0 ? 2000 : rng.between(3, 40);
    const SamplingOptions options = random_options(rng, vocabulary);
    const std::vector<float> logits = random_logits(rng, vocabulary);
    std::vector<TokenId> history(static_cast<std::size_t>(rng.below(20)));
    for (TokenId& each : history) each = static_cast<TokenId>(rng.below(vocabulary));
    Sampler sampler(options, vocabulary);
    const auto want = naive(options, logits, history);
    const auto got = sampler.distribution(logits, history);
    ASSERT_EQ(got.size(), want.size()) << trial;
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].id, want[i].id) << trial << " " << i;
      ASSERT_NEAR(got[i].probability, want[i].probability, 1e-9) << trial << " " << i;
    }
  }
}

TEST(Sampling, DrawsAreTheInverseOfTheDistribution) {
  Rng rng(2);
  for (int trial = 0; trial < 300; ++trial) {
    SamplingOptions options = random_options(rng, 700);
    options.seed = static_cast<std::uint64_t>(trial);
    const std::vector<float> logits = random_logits(rng, 700);
    Sampler sampler(options, 700);
    const auto distribution = sampler.distribution(logits, {});
    const std::vector<TokenProbability> chances(distribution.begin(), distribution.end());
    for (std::uint64_t index = 0; index < 20; ++index) {
      double left = Rng(options.seed, index).uniform();
      TokenId want = chances[0].id;
      for (const auto& [id, chance] : chances)
        if ((left -= chance) < -1e-12) {
          want = id;
          break;
        }
      ASSERT_EQ(sampler.sample(logits, {}, index), want) << trial << " " << index;
    }
  }
}

TEST(Sampling, DrawsFollowTheDistribution) {
  const std::vector<float> logits = {0.3F, 2.0F, -1.0F, 1.2F, 1.9F, 0.0F, -3.0F, 0.7F};
  Sampler sampler({.temperature = 0.9, .top_k = 7, .seed = 5}, 8);
  const auto distribution = sampler.distribution(logits, {});
  const std::vector<TokenProbability> chances(distribution.begin(), distribution.end());
  constexpr int draws = 40000;
  std::vector<double> counts(8);
  for (std::uint64_t i = 0; i < draws; ++i) ++counts[sampler.sample(logits, {}, i)];
  double chi_square = 0;
  for (const auto& [id, chance] : chances)
    chi_square += std::pow(counts[id] - draws * chance, 2) / (draws * chance);
  EXPECT_LT(chi_square, 22.46);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(counts[6], 0);
}

TEST(Sampling, ATokenDependsOnSeedAndIndexAlone) {
  Rng rng(3);
  const std::vector<float> logits = random_logits(rng, 500);
  Sampler a({.seed = 9}, 500), b({.seed = 9}, 500), c({.seed = 10}, 500);
  int differ = 0;
  for (std::uint64_t i = 50; i-- > 0;) {
    const TokenId token = a.sample(logits, {}, i);
    EXPECT_EQ(b.sample(logits, {}, i), token);
    differ += c.sample(logits, {}, i) != token;
  }
  EXPECT_GT(differ, 20);
}

TEST(Sampling, GreedyTakesTheLowestIdOfEquals) {
  Sampler sampler({.temperature = 0}, 4);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3, 2}, {}, 0), 1);
}

TEST(Sampling, LogprobsAreOfTheUnfilteredSoftmax) {
  Sampler sampler({.temperature = 0, .bias = {{0, 50.0F}}}, 4);
  const std::vector<float> logits = {1, 3, 3, -inf};
  const Logprobs got = sampler.logprobs(logits, 0, 3);
  const double total = std::exp(1.0) + 2 * std::exp(3.0);
  EXPECT_NEAR(got.chosen, 1 - std::log(total), 1e-12);
  ASSERT_EQ(got.top.size(), 3U);
  EXPECT_EQ(got.top[0].id, 1);
  EXPECT_EQ(got.top[1].id, 2);
  EXPECT_EQ(got.top[2].id, 0);
  EXPECT_NEAR(got.top[0].logprob, 3 - std::log(total), 1e-12);
  EXPECT_EQ(sampler.logprobs(logits, 3, 0).chosen, -inf);
}

TEST(Sampling, WrongLogitsAndHistoriesAreErrors) {
  Sampler sampler({}, 3);
  const auto draw = [&](std::vector<float> logits, std::vector<TokenId> history = {}) {
    return [&sampler, logits, history] { sampler.sample(logits, history, 0); };
  };
  expect_error(ErrorKind::invalid, "the logit of token 1 is nan", draw({0, std::nanf(""), 0}));
  expect_error(ErrorKind::invalid, "the logit of token 2 is inf", draw({0, 0, inf}));
  expect_error(ErrorKind::invalid, "2 logits for a vocabulary of 3", draw({0, 0}));
  expect_error(ErrorKind::invalid, "every token is excluded", draw({-inf, -inf, -inf}));
  expect_error(ErrorKind::invalid, "token 3 of the history", draw({0, 0, 0}, {3}));
  expect_error(ErrorKind::invalid, "token -1 of the history", draw({0, 0, 0}, {-1}));
  const std::vector<float> logits = {0, 0, 0};
  expect_error(ErrorKind::invalid, "token 3 is not one", [&] { sampler.logprobs(logits, 3, 1); });
  expect_error(ErrorKind::invalid, "4 log-probabilities", [&] { sampler.logprobs(logits, 0, 4); });
}

TEST(Sampling, OptionsOutOfRangeAreErrors) {
  const auto make = [](const SamplingOptions& options) {
    return [options] { Sampler(options, 10); };
  };
  expect_error(ErrorKind::usage, "temperature", make({.temperature = -1}));
  expect_error(ErrorKind::usage, "temperature", make({.temperature = std::nan("")}));
  expect_error(ErrorKind::usage, "top_k", make({.top_k = -1}));
  expect_error(ErrorKind::usage, "top_p", make({.top_p = 0}));
  expect_error(ErrorKind::usage, "min_p", make({.min_p = 1.5}));
  expect_error(ErrorKind::usage, "repetition_penalty", make({.repetition_penalty = 0}));
  expect_error(ErrorKind::usage, "presence_penalty", make({.presence_penalty = inf}));
  expect_error(ErrorKind::usage, "frequency_penalty", make({.frequency_penalty = std::nan("")}));
  expect_error(ErrorKind::usage, "penalty_window", make({.penalty_window = -1}));
  expect_error(ErrorKind::usage, "bias", make({.bias = {{10, 0}}}));
  expect_error(ErrorKind::usage, "bias", make({.bias = {{0, inf}}}));
  expect_error(ErrorKind::usage, "vocabulary", [] { Sampler({}, 0); });
}

}  // namespace
}  // namespace pliant::lm
