#include "eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace pliant::eval {
namespace {

constexpr std::int64_t chunk = 64;  // tokens whose logits are held at one time

std::int64_t in_range(std::string_view what, std::int64_t value, std::int64_t low,
                      std::int64_t high) {
  if (value < low || value > high)
    throw Error(ErrorKind::usage, std::string(what),
                std::to_string(value) + " is not from " + std::to_string(low) + " to " +
                    std::to_string(high));
  return value;
}

}  // namespace

double negative_log_likelihood(std::span<const float> logits, TokenId target) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float each : logits) sum += std::exp(each - most);
  return most + std::log(sum) - logits[target];
}

Perplexity perplexity(lm::Session& session, std::span<const TokenId> tokens,
                      const PerplexityOptions& options,
                      const std::function<bool(std::int64_t)>& progress) {
  const std::int64_t count = std::ssize(tokens), vocabulary = session.config().vocabulary;
  const std::int64_t context = session.config().context;
  if (count < 2)
    throw Error(ErrorKind::invalid, "perplexity", "the text has fewer than two tokens");
  const std::int64_t window =
      options.window == 0 ? context : in_range("window", options.window, 2, context);
  const std::int64_t stride =
      options.stride == 0 ? window - 1 : in_range("stride", options.stride, 1, window - 1);
  const Tensor logits({DType::f32, {chunk, vocabulary}});
  Perplexity result;
  for (std::int64_t begin = 0, predicted = 1; predicted < count; begin += stride) {
    const std::int64_t end = std::min(begin + window, count);
    const lm::SeqId sequence = session.open(options.policy);
    for (std::int64_t at = begin; at < end - 1; at += chunk) {
      const std::int64_t n = std::min(chunk, end - 1 - at);
      const TensorView view{{DType::f32, {n, vocabulary}}, logits.view().data};
      session.feed(sequence, tokens.subspan(at, n), &view);
      for (std::int64_t i = 0; i < n; ++i) {
        if (at + i + 1 < predicted) continue;  // an earlier window has predicted it
        const std::span<const float> row(view.as<float>() + i * vocabulary, vocabulary);
        result.nll += negative_log_likelihood(row, tokens[at + i + 1]);
        ++result.tokens;
      }
    }
    session.close(sequence);
    predicted = std::max(predicted, end);
    if (progress && !progress(result.tokens)) return result;
  }
  return result;
}

}  // namespace pliant::eval
