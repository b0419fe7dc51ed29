#include "eval/likelihood.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/error.h"
#include "eval/perplexity.h"

namespace pliant::eval {

Judge::Encoded Judge::encode(const Trial& trial) const {
  const SpecialTokens& special = tokenizer_.special();
  const EncodeOptions plain{.add_special = false, .parse_special = false};
  const std::size_t end = trial.context.find_last_not_of(" \t\r\n") + 1;
  const std::string context = trial.context.substr(0, end);
  Encoded encoded;
  if (special.add_bos && special.bos >= 0) encoded.tokens.push_back(special.bos);
  const std::size_t first = encoded.tokens.size();
  const auto append = [&](const std::string& text) {
    const std::vector<TokenId> ids = tokenizer_.encode(text, plain);
    encoded.tokens.insert(encoded.tokens.end(), ids.begin(), ids.end());
  };
  if (context.empty()) {
    if (first == 0) encoded.tokens.push_back(special.bos >= 0 ? special.bos : special.eos);
    if (encoded.tokens[0] < 0)
      throw Error(ErrorKind::invalid, "context", "is empty, and the model has no first token");
    encoded.continuation = std::ssize(encoded.tokens);
  } else {
    encoded.continuation = first + std::ssize(tokenizer_.encode(context, plain));
  }
  append(trial.context + trial.continuation);
  if (encoded.continuation >= std::ssize(encoded.tokens))
    throw Error(ErrorKind::invalid, "continuation", "adds no token to its context");
  return encoded;
}

Likelihood Judge::operator()(const Trial& trial) {
  Encoded encoded = encode(trial);
  std::vector<TokenId>& tokens = encoded.tokens;
  std::int64_t& from = encoded.continuation;
  const std::int64_t context = predictor_.context();
  if (std::ssize(tokens) - from > context)
    throw Error(
        ErrorKind::capacity, "continuation",
        fmt::format("has {} tokens, and the context {}", std::ssize(tokens) - from, context),
        "a larger --context");
  if (const std::int64_t over = std::ssize(tokens) - 1 - context; over > 0) {
    tokens.erase(tokens.begin(), tokens.begin() + over);
    from -= over;
  }
  Likelihood result;
  const std::span<const TokenId> seen = std::span(tokens).first(tokens.size() - 1);
  predictor_.predict(seen, from - 1, [&, at = from](std::span<const float> logits) mutable {
    const TokenId target = tokens[at++];
    result.log -= negative_log_likelihood(logits, target);
    result.greedy = result.greedy && std::ranges::max_element(logits) - logits.begin() == target;
    ++result.tokens;
  });
  return result;
}

}  // namespace pliant::eval
