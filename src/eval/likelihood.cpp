#include "eval/likelihood.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/error.h"
#include "eval/perplexity.h"

namespace pliant::eval {
namespace {

constexpr std::int64_t rows_at_once = 32;  // whose logits are held

}  // namespace

Judge::Judge(lm::Session& session, const Tokenizer& tokenizer, const kv::Policy& policy)
    : session_(session),
      tokenizer_(tokenizer),
      sequence_(session.open(policy)),
      logits_({DType::f32, {rows_at_once, session.config().vocabulary}}) {}

Judge::~Judge() { session_.close(sequence_); }

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
  auto [tokens, from] = encode(trial);
  const std::int64_t context = session_.config().context, vocabulary = session_.config().vocabulary;
  if (std::ssize(tokens) - from > context)
    throw Error(
        ErrorKind::capacity, "continuation",
        fmt::format("has {} tokens, and the context {}", std::ssize(tokens) - from, context),
        "a larger --context");
  if (const std::int64_t over = std::ssize(tokens) - 1 - context; over > 0) {
    tokens.erase(tokens.begin(), tokens.begin() + over);
    from -= over;
  }
  const std::span<const TokenId> fed = std::span(tokens).first(tokens.size() - 1);
  const std::int64_t known = session_.rewind(sequence_, std::span(tokens).first(from));
  if (known < from - 1) session_.feed(sequence_, fed.subspan(known, from - 1 - known));
  Likelihood result;
  for (std::int64_t at = from - 1; at < std::ssize(fed); at += rows_at_once) {
    const std::int64_t n = std::min(rows_at_once, std::ssize(fed) - at);
    const TensorView view{{DType::f32, {n, vocabulary}}, logits_.view().data};
    session_.feed(sequence_, fed.subspan(at, n), &view);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::span<const float> row(view.as<float>() + i * vocabulary, vocabulary);
      const TokenId target = tokens[at + i + 1];
      result.log -= negative_log_likelihood(row, target);
      result.greedy = result.greedy && std::ranges::max_element(row) - row.begin() == target;
      ++result.tokens;
    }
  }
  return result;
}

}  // namespace pliant::eval
