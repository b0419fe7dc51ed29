// Sampling: from logits to the next token, reproducibly.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "text/tokenizer.h"

namespace pliant::lm {

struct LogitBias {
  TokenId id = 0;
  float bias = 0;  // added to the logit; minus infinity bans the token
};

struct SamplingOptions {
  // logits are divided by it; 0: always the likeliest token, the lowest id of equals
  double temperature = 1;
  std::int64_t top_k = 0;  // only the k likeliest tokens; 0: all
  // only the fewest likeliest tokens that together reach this probability
  double top_p = 1;
  // only tokens at least this fraction as likely as the likeliest
  double min_p = 0;
  // logits of tokens in the window: divided by it if positive, else multiplied
  double repetition_penalty = 1;
  double presence_penalty = 0;  // subtracted from the logit of every token in the window
  // subtracted once for each time that the token stands in the window
  double frequency_penalty = 0;
  // the last tokens of the history that penalties look at; 0: all
  std::int64_t penalty_window = 64;
  std::uint64_t seed = 0;
  std::vector<LogitBias> bias = {};
};

struct TokenProbability {
  TokenId id = 0;
  double probability = 0;
  bool operator==(const TokenProbability&) const = default;
};

struct TokenLogprob {
  TokenId id = 0;
  double logprob = 0;  // natural logarithm
  bool operator==(const TokenLogprob&) const = default;
};

struct Logprobs {
  double chosen = 0;
  // likeliest first, of equals the lowest id; valid until the sampler's next call
  std::span<const TokenLogprob> top;
};

// Applies, in this order: bias, penalties, temperature, top-k, top-p (of what top-k left), min-p.
// Linear in the vocabulary; only what is drawn from is sorted. Allocates nothing after
// construction. One thread at a time.
class Sampler {
 public:
  // Throws Error{usage} naming the option that is out of its range.
  Sampler(const SamplingOptions& options, std::int64_t vocabulary);

  // What sample() draws from: likeliest first, of equals the lowest id; probabilities above 0 that
  // sum to 1. Valid until the next call. `history`: prompt and generated tokens. Throws
  // Error{invalid} for logits that are NaN or plus infinity, of another number than the vocabulary,
  // all minus infinity, or a history with an id out of range.
  std::span<const TokenProbability> distribution(std::span<const float> logits,
                                                 std::span<const TokenId> history);

  // The draw depends on the seed, `index` (of the token within the generation) and the distribution
  // alone. Sorts only as far as the draw reaches.
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history,
                 std::uint64_t index);

  // The random numbers of generated token `index`: sample() uses the first; verification of drafts
  // the others.
  Rng draws(std::uint64_t index) const { return Rng(options_.seed, index); }

  // Of the softmax over the logits as they come, without any option. Throws Error{invalid} as
  // distribution() does, and for `chosen` or `count` out of range.
  Logprobs logprobs(std::span<const float> logits, TokenId chosen, std::int64_t count);

  const SamplingOptions& options() const { return options_; }

 private:
  struct Candidate {
    float logit = 0;
    TokenId id = 0;
  };
  static bool likelier(const Candidate& a, const Candidate& b);

  void check(std::span<const float> logits) const;
  void adjust(std::span<const float> logits, std::span<const TokenId> history);
  void penalise(std::span<const TokenId> history);
  void select(std::span<const float> logits, std::span<const TokenId> history);
  void sort_further();
  void cut_top_p();
  void cut_min_p();
  double weigh(const Candidate& candidate) const;

  SamplingOptions options_;
  std::vector<float> logits_;         // [vocabulary], with bias and penalties
  std::vector<std::int32_t> counts_;  // [vocabulary], zero between calls
  // what may be drawn; the first sorted_ stand in order before all others
  std::vector<Candidate> candidates_;
  std::size_t sorted_ = 0;
  float highest_ = 0;                      // logit of the likeliest candidate
  double total_ = 0;                       // sum of weights over all candidates
  std::vector<TokenProbability> chances_;  // [vocabulary] reserved
  std::vector<TokenLogprob> logprobs_;     // [vocabulary] reserved
};

}  // namespace pliant::lm
