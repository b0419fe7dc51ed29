#include "lm/decode/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace pliant::lm {
namespace {

constexpr const char* sampling_place = "sampling";

void require_option(bool holds, const char* option, double value, const char* range) {
  if (!holds)
    throw Error(ErrorKind::usage, fmt::format("sampling option {}", option),
                fmt::format("{} is not {}", value, range));
}

void validate(const SamplingOptions& options, std::int64_t vocabulary) {
  require_option(vocabulary > 0 && vocabulary <= std::numeric_limits<TokenId>::max(), "vocabulary",
                 vocabulary, "from 1 to 2^31 - 1");
  require_option(std::isfinite(options.temperature) && options.temperature >= 0, "temperature",
                 options.temperature, "0 or a positive number");
  require_option(options.top_k >= 0, "top_k", options.top_k, "0 or a positive number");
  require_option(options.top_p > 0 && options.top_p <= 1, "top_p", options.top_p,
                 "above 0 and at most 1");
  require_option(options.min_p >= 0 && options.min_p <= 1, "min_p", options.min_p, "from 0 to 1");
  require_option(options.repetition_penalty > 0 && options.repetition_penalty <= 1e4,
                 "repetition_penalty", options.repetition_penalty, "above 0 and at most 10000");
  require_option(std::abs(options.presence_penalty) <= 1e4, "presence_penalty",
                 options.presence_penalty, "from -10000 to 10000");
  require_option(std::abs(options.frequency_penalty) <= 1e4, "frequency_penalty",
                 options.frequency_penalty, "from -10000 to 10000");
  require_option(options.penalty_window >= 0, "penalty_window", options.penalty_window,
                 "0 or a positive number");
  for (const LogitBias& each : options.bias) {
    require_option(each.id >= 0 && each.id < vocabulary, "bias", each.id,
                   "an id of the vocabulary");
    require_option(!std::isnan(each.bias) && each.bias != std::numeric_limits<float>::infinity(),
                   "bias", each.bias, "a number or minus infinity");
  }
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::int64_t vocabulary) : options_(options) {
  validate(options, vocabulary);
  const std::size_t size = vocabulary;
  logits_.resize(size);
  counts_.resize(size);
  candidates_.reserve(size);
  chances_.reserve(size);
  logprobs_.reserve(size);
}

bool Sampler::likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

void Sampler::check(std::span<const float> logits) const {
  if (logits.size() != logits_.size())
    throw Error(ErrorKind::invalid, sampling_place,
                fmt::format("{} logits for a vocabulary of {}", logits.size(), logits_.size()));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  bool good = true;
  for (const float each : logits) good &= each < infinity;  // false for NaN as well
  if (good) return;
  const auto bad =
      std::find_if(logits.begin(), logits.end(), [&](float each) { return !(each < infinity); });
  throw Error(ErrorKind::invalid, sampling_place,
              fmt::format("the logit of token {} is {}", bad - logits.begin(), *bad));
}

void Sampler::penalise(std::span<const TokenId> history) {
  for (const TokenId id : history)
    if (id < 0 || static_cast<std::size_t>(id) >= logits_.size())
      throw Error(ErrorKind::invalid, sampling_place,
                  fmt::format("token {} of the history is not one of the vocabulary's {}", id,
                              logits_.size()));
  const std::size_t window = options_.penalty_window;
  if (window > 0 && history.size() > window) history = history.last(window);
  for (const TokenId id : history) ++counts_[id];
  for (const TokenId id : history) {
    std::int32_t& count = counts_[id];
    if (count == 0) continue;  // done at an earlier place of the window
    double logit = logits_[id];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    logit -= options_.presence_penalty + count * options_.frequency_penalty;
    logits_[id] = static_cast<float>(logit);
    count = 0;
  }
}

void Sampler::adjust(std::span<const float> logits, std::span<const TokenId> history) {
  check(logits);
  std::copy(logits.begin(), logits.end(), logits_.begin());
  for (const LogitBias& each : options_.bias) logits_[each.id] += each.bias;
  penalise(history);
  // A bias or penalty beyond the range of f32 may only have made infinities: an upper one would
  // poison the softmax.
  for (float& each : logits_) each = std::min(each, std::numeric_limits<float>::max());
}

double Sampler::weigh(const Candidate& candidate) const {
  return std::exp((static_cast<double>(candidate.logit) - highest_) / options_.temperature);
}

// Doubles what stands in order, from 64 on; the rest keeps any order behind it.
void Sampler::sort_further() {
  const std::size_t until = std::min(candidates_.size(), std::max<std::size_t>(64, 2 * sorted_));
  const auto from = candidates_.begin() + sorted_;
  const auto to = candidates_.begin() + until;
  if (to != candidates_.end()) std::nth_element(from, to, candidates_.end(), likelier);
  std::sort(from, to, likelier);
  sorted_ = until;
}

void Sampler::cut_top_p() {
  double reached = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (i == sorted_) sort_further();
    reached += weigh(candidates_[i]);
    if (reached < options_.top_p * total_) continue;
    candidates_.resize(i + 1);
    sorted_ = i + 1;
    return;
  }
}

void Sampler::cut_min_p() {
  std::size_t kept = 0, still_sorted = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (weigh(candidates_[i]) < options_.min_p) continue;  // the likeliest weighs 1
    if (i < sorted_) ++still_sorted;
    candidates_[kept++] = candidates_[i];
  }
  candidates_.resize(kept);
  sorted_ = still_sorted;
}

void Sampler::select(std::span<const float> logits, std::span<const TokenId> history) {
  adjust(logits, history);
  sorted_ = 0;
  candidates_.clear();
  const auto best = std::max_element(logits_.begin(), logits_.end());
  highest_ = *best;
  if (std::isinf(highest_))
    throw Error(ErrorKind::invalid, sampling_place,
                "every token is excluded: all logits are minus infinity");
  if (options_.temperature == 0) {
    candidates_.push_back({highest_, static_cast<TokenId>(best - logits_.begin())});
    sorted_ = 1;
    return;
  }
  // Below this logit the weight is 0 in f64.
  const double floor = highest_ - 745.2 * options_.temperature;
  for (std::size_t i = 0; i < logits_.size(); ++i)
    if (logits_[i] >= floor && !std::isinf(logits_[i]))
      candidates_.push_back({logits_[i], static_cast<TokenId>(i)});
  const std::size_t k = options_.top_k;
  if (k > 0 && k < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + k, candidates_.end(), likelier);
    candidates_.resize(k);
  }
  const auto sum = [&] {
    double total = 0;
    for (const Candidate& each : candidates_) total += weigh(each);
    return total;
  };
  if (options_.top_p < 1) {
    total_ = sum();
    cut_top_p();
  }
  if (options_.min_p > 0) cut_min_p();
  total_ = sum();
}

std::span<const TokenProbability> Sampler::distribution(std::span<const float> logits,
                                                        std::span<const TokenId> history) {
  select(logits, history);
  while (sorted_ < candidates_.size()) sort_further();
  chances_.clear();
  if (options_.temperature == 0) {
    chances_.push_back({candidates_[0].id, 1.0});
    return chances_;
  }
  for (const Candidate& each : candidates_)
    if (const double chance = weigh(each) / total_; chance > 0)
      chances_.push_back({each.id, chance});
  return chances_;
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history,
                        std::uint64_t index) {
  select(logits, history);
  if (options_.temperature == 0) return candidates_[0].id;
  const double drawn = draws(index).uniform() * total_;
  double reached = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (i == sorted_) sort_further();
    reached += weigh(candidates_[i]);
    if (drawn < reached) return candidates_[i].id;
  }
  return candidates_[0].id;  // rounding of the two sums; the likeliest token takes those 1e-16
}

Logprobs Sampler::logprobs(std::span<const float> logits, TokenId chosen, std::int64_t count) {
  check(logits);
  if (chosen < 0 || static_cast<std::size_t>(chosen) >= logits.size())
    throw Error(ErrorKind::invalid, sampling_place,
                fmt::format("token {} is not one of the vocabulary's {}", chosen, logits.size()));
  if (count < 0 || static_cast<std::size_t>(count) > logits.size())
    throw Error(ErrorKind::invalid, sampling_place,
                fmt::format("{} log-probabilities of a vocabulary of {}", count, logits.size()));
  const double highest = *std::max_element(logits.begin(), logits.end());
  if (std::isinf(highest))
    throw Error(ErrorKind::invalid, sampling_place,
                "every token is excluded: all logits are minus infinity");
  double total = 0;
  for (const float each : logits) total += std::exp(each - highest);
  const double shift = highest + std::log(total);
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i)
    candidates_.push_back({logits[i], static_cast<TokenId>(i)});
  const auto end = candidates_.begin() + count;
  if (end != candidates_.end())
    std::nth_element(candidates_.begin(), end, candidates_.end(), likelier);
  std::sort(candidates_.begin(), end, likelier);
  logprobs_.clear();
  for (auto each = candidates_.begin(); each != end; ++each)
    logprobs_.push_back({each->id, each->logit - shift});
  return {logits[chosen] - shift, logprobs_};
}

}  // namespace pliant::lm
