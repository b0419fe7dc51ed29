// How well a model predicts a text.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lm/session.h"

namespace pliant::eval {

struct PerplexityOptions {
  std::int64_t window = 0;  // tokens that the model sees at once; 0: the session's context
  // tokens by which windows advance; 0: the window. Smaller: more context, more work
  std::int64_t stride = 0;
  kv::Policy policy = kv::full();  // what of a window is remembered
};

struct Perplexity {
  std::int64_t tokens = 0;  // predicted: all but the first
  double nll = 0;           // sum of their negative log-likelihoods, natural logarithm
  double per_token() const { return tokens == 0 ? 0 : nll / static_cast<double>(tokens); }
};

// Every token but the first is predicted once, from at least the tokens of its window before it.
// `progress` is called with the tokens predicted so far; false ends early. Throws Error{usage} for
// a window or stride out of range, Error{invalid} for fewer than two tokens.
Perplexity perplexity(lm::Session& session, std::span<const TokenId> tokens,
                      const PerplexityOptions& options = {},
                      const std::function<bool(std::int64_t)>& progress = {});

// Negative log-likelihood of `target` under softmax(logits), accumulated in f64.
double negative_log_likelihood(std::span<const float> logits, TokenId target);

}  // namespace pliant::eval
