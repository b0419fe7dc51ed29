#include "lm/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "core/error.h"
#include "lm/decode/stop.h"

namespace pliant::lm {
namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Tables may be padded with ids that stand for no text: those are banned.
SamplingOptions known_only(SamplingOptions options, const Tokenizer* tokenizer, std::int64_t vocabulary) {
  if (tokenizer != nullptr)
    for (TokenId id = tokenizer->size(); id < vocabulary; ++id)
      options.bias.push_back({id, -std::numeric_limits<float>::infinity()});
  return options;
}

class Generation {
 public:
  Generation(Session& session, SeqId sequence, const Tokenizer* tokenizer, std::vector<TokenId>& tokens,
             const GenerateOptions& options, TokenFilter* filter, const Show& show)
      : session_(session),
        sequence_(sequence),
        tokenizer_(tokenizer),
        tokens_(tokens),
        options_(options),
        filter_(filter),
        show_(show),
        sampler_(known_only(options.sampling, tokenizer, session.config().vocabulary), session.config().vocabulary),
        stops_(options.stop),
        logits_({DType::f32, {1, session.config().vocabulary}}) {
    if (options.proposer == nullptr) return;
    SpeculationOptions how;
    how.tokens = options.draft_tokens;
    if (tokenizer != nullptr && !options.ignore_end) how.ends = tokenizer->special().end_of_generation;
    speculator_.emplace(session, sequence, sampler_, *options.proposer, how);
  }

  Generated run(const std::atomic<bool>* stop) {
    const Stopwatch watch;
    feed_prompt(stop);
    for (bool first = true; !done_; first = false) {
      if (stop != nullptr && *stop) end(Finish::interrupted);
      else if (std::ssize(result_.ids) >= options_.tokens) end(Finish::tokens);
      else advance();
      if (first) result_.prompt_seconds = watch.seconds();
    }
    show(stops_.finish());
    forget_the_rest();
    result_.decode_seconds = watch.seconds() - result_.prompt_seconds;
    return std::move(result_);
  }

 private:
  // All but the last token of the prompt; the last one goes through the decode program, as all that follow it.
  void feed_prompt(const std::atomic<bool>* stop) {
    if (options_.tokens < 0)
      throw Error(ErrorKind::invalid, "generate", fmt::format("{} tokens asked for", options_.tokens), "0 or more");
    const std::int64_t known = session_.length(sequence_);
    if (known >= std::ssize(tokens_)) throw Error(ErrorKind::invalid, "generate", "the prompt has no token to feed");
    result_.prompt_tokens = std::ssize(tokens_) - known;
    const std::span<const TokenId> fresh = std::span<const TokenId>(tokens_).subspan(known);
    const std::int64_t fed = session_.feed(sequence_, fresh.first(fresh.size() - 1), nullptr, stop);
    if (fed + 1 < std::ssize(fresh)) result_.prompt_tokens = fed;
    result_.ids.reserve(std::min<std::int64_t>(options_.tokens, session_.config().context));
  }

  // Feeds the last token and chooses the next, or several.
  void advance() {
    if (speculator_ && speculate()) return;
    if (!feed_last()) return end(Finish::context);
    const std::span<float> logits = logits_.span<float>();
    if (options_.logprobs >= 0) plain_.assign(logits.begin(), logits.end());
    if (filter_ != nullptr) mask(logits);
    if (done_) return;
    const TokenId id = sampler_.sample(logits, tokens_, static_cast<std::uint64_t>(result_.ids.size()));
    if (options_.logprobs >= 0) note(id, plain_);
    if (filter_ != nullptr && !ends(id)) filter_->accept(id);
    take(id);
  }

  // False where there is no room to verify guesses: from then on tokens come one by one.
  bool speculate() {
    std::span<const TokenId> found;
    if (filter_ != nullptr && filter_->done()) return end(Finish::end_token), true;
    try {
      found = speculator_->next(tokens_, static_cast<std::uint64_t>(result_.ids.size()), filter_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::capacity) throw;
      speculator_.reset();
      return false;
    }
    result_.speculation = speculator_->stats();
    for (std::size_t i = 0; i < found.size() && !done_; ++i) {
      if (std::ssize(result_.ids) >= options_.tokens) end(Finish::tokens);
      if (done_) break;
      if (options_.logprobs >= 0) note(found[i], speculator_->logits(i));
      take(found[i]);
    }
    return true;
  }

  // Verified tokens that came after the end.
  void forget_the_rest() {
    if (session_.length(sequence_) >= std::ssize(tokens_)) session_.truncate(sequence_, std::ssize(tokens_) - 1);
  }

  // Only the cache knows whether its policy can make room for one more.
  bool feed_last() {
    const Draft draft{sequence_, std::span<const TokenId>(tokens_).last(1)};
    try {
      session_.step({&draft, 1}, logits_.view());
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::capacity && !result_.ids.empty()) return false;
      throw;
    }
  }

  void mask(std::span<float> logits) {
    if (filter_->done()) return end(Finish::end_token);
    filter_->mask(logits);
  }

  void note(TokenId id, std::span<const float> logits) {
    const Logprobs found = sampler_.logprobs(logits, id, options_.logprobs);
    result_.logprobs.push_back({found.chosen, {found.top.begin(), found.top.end()}});
  }

  void take(TokenId id) {
    result_.ids.push_back(id);
    tokens_.push_back(id);
    if (!options_.ignore_end && ends(id)) return end(Finish::end_token);
    if (tokenizer_ == nullptr) return;
    show(stops_.push(tokenizer_->bytes(id)));
    if (stops_.stopped()) end(Finish::stop_string);
  }

  bool ends(TokenId id) const {
    if (tokenizer_ == nullptr) return false;
    const std::vector<TokenId>& all = tokenizer_->special().end_of_generation;
    return std::binary_search(all.begin(), all.end(), id);
  }

  void show(const std::string& text) {
    if (text.empty()) return;
    result_.text += text;
    if (show_ && !show_(text)) end(Finish::interrupted);
  }

  void end(Finish finish) {
    if (!done_) result_.finish = finish;
    done_ = true;
  }

  Session& session_;
  SeqId sequence_;
  const Tokenizer* tokenizer_;
  std::vector<TokenId>& tokens_;
  const GenerateOptions& options_;
  TokenFilter* filter_;
  const Show& show_;
  Sampler sampler_;
  StopMatcher stops_;
  Tensor logits_;
  std::optional<Speculator> speculator_;
  std::vector<float> plain_;  // the logits before the filter
  Generated result_;
  bool done_ = false;
};

}  // namespace

std::string_view name(Finish finish) {
  switch (finish) {
    case Finish::end_token: return "end_token";
    case Finish::stop_string: return "stop_string";
    case Finish::tokens: return "tokens";
    case Finish::context: return "context";
    case Finish::interrupted: return "interrupted";
  }
  return "";
}

Generated generate(Session& session, SeqId sequence, const Tokenizer* tokenizer, std::vector<TokenId>& tokens,
                   const GenerateOptions& options, TokenFilter* filter, const Show& show,
                   const std::atomic<bool>* stop) {
  return Generation(session, sequence, tokenizer, tokens, options, filter, show).run(stop);
}

}  // namespace pliant::lm
