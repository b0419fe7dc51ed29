// A stream: one sequence being generated, a run at a time. It says which tokens to run next and
// chooses from their logits; whoever holds it runs them (a Batch, with those of other streams).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "lm/decode/filter.h"
#include "lm/decode/sampling.h"
#include "lm/decode/stop.h"
#include "lm/session.h"
#include "lm/speculate.h"

namespace pliant::lm {

inline constexpr std::int64_t until_the_end = -1;  // of the model's text, or of the context

struct GenerateOptions {
  std::int64_t tokens = 128;  // at most, or until_the_end; the context may end earlier
  SamplingOptions sampling;
  std::vector<std::string> stop;  // texts that end the generation; they are not part of its text
  // how many likeliest tokens to report at each place; < 0: no logprobs at all
  std::int64_t logprobs = 0;
  bool ignore_end = false;  // go on after end tokens
  // guesses tokens that are verified together: the same text, fewer runs
  Proposer* proposer = nullptr;
  std::int64_t draft_tokens = 4;  // guessed at a time at most, 0 to the session's decode rows - 1
  // Continuations guessed side by side at most: 1 to the session's branches + 1.
  std::int64_t draft_branches = 1;
  // Guess as far as it pays by what was measured (Pace); else always as far as that.
  bool adapt = true;
};

enum class Finish : std::uint8_t { end_token, stop_string, tokens, context, interrupted };
std::string_view name(Finish finish);

struct TokenReport {
  double chosen = 0;  // log-probability of the token before any sampling option
  std::vector<TokenLogprob> top;
};

// Between two calls the sequence holds all tokens but the last. Another stream's drafts in the same
// run change nothing about what this one chooses.
class Stream {
 public:
  // Continues `tokens`, of which the sequence holds the first ones. Without `tokenizer` (may be
  // null) there is no text and no end token; ids that it lacks are not generated. `filter` may be
  // null. What is pointed to must outlive the stream. Throws Error{usage} or {invalid} for options
  // out of range, Error{invalid} if the sequence holds as many tokens already.
  Stream(Session& session, SeqId sequence, const Tokenizer* tokenizer, std::vector<TokenId> tokens,
         const GenerateOptions& options, TokenFilter* filter = nullptr);

  // The tokens of the prompt that are to be fed before the first draft: none if the sequence holds
  // all but the last.
  std::span<const TokenId> prompt() const;
  // The tokens to run next: the last one and what is guessed to follow it. The same until one of
  // the calls below; none when the stream is done. Throws Error{invalid} if the sequence is not as
  // the class says, and as the proposer does.
  std::span<const TokenId> draft();
  // Which of the draft's tokens each follows: Draft::parents.
  std::span<const std::int32_t> parents() const { return parents_; }
  // The most tokens of a draft.
  std::int64_t most_rows() const { return proposer_ == nullptr ? 1 : 1 + options_.draft_tokens; }

  struct News {
    std::span<const TokenId> ids;
    // may lag behind the ids, where they might begin a stop string or end within a character
    std::string_view text;
  };
  // Chooses from the logits [draft, vocabulary] of the run: one token at least. The news are valid
  // until the next call. Throws Error{invalid} for another number of logits, as the sampler and the
  // filter do; the sequence and the tokens are then as before the run.
  News take(std::span<const float> logits);
  // The run was refused, and changed nothing. For want of capacity the stream goes on without
  // guesses, or is finished if it has made tokens; any other error fails it.
  void refuse(const Error& error);
  void fail(const Error& error);
  void interrupt() { end(Finish::interrupted); }

  bool done() const { return finish_ || error_; }
  const std::optional<Finish>& finish() const { return finish_; }
  const std::optional<Error>& error() const { return error_; }  // what ended it otherwise

  Session& session() const { return *session_; }
  SeqId sequence() const { return sequence_; }
  // of the prompt and generated
  std::span<const TokenId> tokens() const { return tokens_; }
  std::span<const TokenId> ids() const { return tokens().subspan(prompt_size_); }  // generated
  const std::string& text() const { return text_; }                                // generated
  // of each id, if asked for
  const std::vector<TokenReport>& logprobs() const { return logprobs_; }
  const SpeculationStats& speculation() const { return speculation_; }

 private:
  void guess();
  void choose(std::span<const float> logits);
  std::int32_t choose_one(std::span<const float> logits, std::int32_t guess);
  void note(std::int64_t accepted);
  void forget(std::size_t tokens);
  void accept(std::span<const float> logits, std::size_t first);
  bool ends(TokenId id) const;
  void end(Finish finish);

  Session* session_;
  SeqId sequence_;
  const Tokenizer* tokenizer_;
  std::vector<TokenId> tokens_;
  std::size_t prompt_size_;
  GenerateOptions options_;
  TokenFilter* filter_;
  Proposer* proposer_;  // null once there is no room for guesses
  Sampler sampler_;
  StopMatcher stops_;
  std::optional<Verifier> verifier_;
  Guesses most_;
  std::optional<Pace> pace_;
  double begin_ = 0;  // of the run in hand
  Proposal proposal_;
  std::vector<TokenId> draft_;
  std::vector<std::int32_t> parents_;  // empty: a chain
  std::vector<std::size_t> path_;      // of the draft's tokens, those that were true
  std::vector<std::int64_t> widths_;   // of the proposal, by branch
  std::vector<float> masked_;          // [vocabulary], with a filter
  std::string text_;
  std::vector<TokenReport> logprobs_;
  SpeculationStats speculation_;
  std::optional<Finish> finish_;
  std::optional<Error> error_;
};

}  // namespace pliant::lm
