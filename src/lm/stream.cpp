#include "lm/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/time/clock.h"

namespace pliant::lm {
namespace {

// What converters call the rows of an embedding for which the tokenizer had no token.
bool is_filler(const Tokenizer& tokenizer, TokenId id) {
  return tokenizer.kind(id) == TokenKind::unused &&
         tokenizer.piece(id) == fmt::format("[PAD{}]", id);
}

// Tables may be padded with ids that stand for no text: those are banned.
SamplingOptions known_only(SamplingOptions options, const Tokenizer* tokenizer,
                           std::int64_t vocabulary) {
  if (tokenizer != nullptr)
    for (TokenId id = 0; id < vocabulary; ++id)
      if (id >= tokenizer->size() || is_filler(*tokenizer, id))
        options.bias.push_back({id, -std::numeric_limits<float>::infinity()});
  return options;
}

// In units of a run without guesses, of a chain that a draft model drew.
double nominal_seconds(std::int64_t guesses) { return 1 + 0.4 * static_cast<double>(guesses); }

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

Stream::Stream(Session& session, SeqId sequence, const Tokenizer* tokenizer,
               std::vector<TokenId> tokens, const GenerateOptions& options, TokenFilter* filter)
    : session_(&session),
      sequence_(sequence),
      tokenizer_(tokenizer),
      tokens_(std::move(tokens)),
      prompt_size_(tokens_.size()),
      options_(options),
      filter_(filter),
      proposer_(options.proposer),
      sampler_(known_only(options.sampling, tokenizer, session.config().vocabulary),
               session.config().vocabulary),
      stops_(options.stop) {
  if (options.tokens < until_the_end)
    throw Error(ErrorKind::invalid, "generate", fmt::format("{} tokens asked for", options.tokens),
                "0 or more, or -1: until the end");
  if (options.tokens == until_the_end) options_.tokens = std::numeric_limits<std::int64_t>::max();
  if (proposer_ != nullptr &&
      (options.draft_tokens < 0 || options.draft_tokens >= session.decode_rows()))
    throw Error(ErrorKind::usage, "speculation",
                fmt::format("{} tokens at a time", options.draft_tokens),
                fmt::format("0 to {}", session.decode_rows() - 1));
  if (proposer_ != nullptr &&
      (options.draft_branches < 1 || options.draft_branches > session.branches() + 1))
    throw Error(ErrorKind::usage, "speculation", fmt::format("{} branches", options.draft_branches),
                fmt::format("1 to {}, or open the session for more", session.branches() + 1));
  if (session.length(sequence) >= std::ssize(tokens_))
    throw Error(ErrorKind::invalid, "generate", "the prompt has no token to feed");
  if (proposer_ != nullptr) {
    verifier_.emplace(session.config().vocabulary);
    // The first branch leaves a token for each other one.
    const std::int64_t depth = std::max(options_.draft_tokens - options_.draft_branches + 1,
                                        std::min<std::int64_t>(options_.draft_tokens, 1));
    most_ = {options_.draft_tokens, depth, options_.draft_branches,
             proposer_->draws() && options_.draft_branches == 1};
    if (options_.adapt) pace_.emplace(most_);
    widths_.reserve(options_.draft_branches);
    proposal_.reserve(options_.draft_tokens);
  }
  if (filter_ != nullptr) masked_.resize(session.config().vocabulary);
  tokens_.reserve(prompt_size_ + std::min(options_.tokens, session.config().context) + most_rows());
  draft_.reserve(most_rows());
  parents_.reserve(most_rows());
  path_.reserve(most_rows());
  if (options.tokens == 0) end(Finish::tokens);
  else if (filter_ != nullptr && filter_->done()) end(Finish::end_token);
}

std::span<const TokenId> Stream::prompt() const {
  return std::span(tokens_).subspan(session_->length(sequence_),
                                    tokens_.size() - 1 - session_->length(sequence_));
}

std::span<const TokenId> Stream::draft() {
  if (done()) return {};
  if (!draft_.empty()) return draft_;
  if (const std::int64_t length = session_->length(sequence_); length + 1 != std::ssize(tokens_))
    throw Error(
        ErrorKind::invalid, fmt::format("sequence {}", sequence_),
        fmt::format("holds {} tokens, all but the last of {} expected", length, tokens_.size()),
        "feed the prompt first, and leave the sequence alone until the stream is done");
  proposal_.clear();
  if (pace_) begin_ = steady_seconds();
  if (proposer_ != nullptr) guess();
  draft_.assign(1, tokens_.back());
  draft_.insert(draft_.end(), proposal_.tokens().begin(), proposal_.tokens().end());
  parents_.clear();
  if (!proposal_.chain()) {
    parents_.push_back(-1);
    for (const std::int32_t parent : proposal_.parents()) parents_.push_back(parent + 1);
  }
  return draft_;
}

void Stream::guess() {
  // An Editor may drop what a rejected guess would have to bring back.
  if (session_->edits(sequence_)) return;
  Guesses most = pace_ ? pace_->plan() : most_;
  most.depth = std::min(most.depth, session_->room(sequence_) - 1);
  if (most.branches == 1) most.tokens = std::min(most.tokens, most.depth);
  if (most.depth <= 0) return;
  try {
    proposer_->propose(tokens_, ids().size(), most, proposal_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::capacity) throw;
    proposal_.clear();
    proposer_ = nullptr;
  }
}

Stream::News Stream::take(std::span<const float> logits) {
  const std::size_t before = tokens_.size(), text = text_.size();
  try {
    choose(logits);
    if (!parents_.empty()) session_->choose(sequence_, static_cast<std::int64_t>(path_.back()));
  } catch (...) {
    forget(before);
    throw;
  }
  if (proposer_ != nullptr) note(std::ssize(path_) - 1);
  draft_.clear();
  accept(logits, before);
  return {std::span<const TokenId>(tokens_).subspan(before), std::string_view(text_).substr(text)};
}

// What became of the guesses, of which so many were true.
void Stream::note(std::int64_t accepted) {
  ++speculation_.runs;
  speculation_.proposed += std::ssize(proposal_.tokens());
  speculation_.accepted += accepted;
  if (!pace_) return;
  Pace::Run run{.accepted = accepted};
  widths_.assign(std::max<std::int64_t>(proposal_.branches(), 1), 0);
  for (std::size_t i = 0; i < proposal_.tokens().size(); ++i) ++widths_[proposal_.branch(i)];
  for (std::size_t i = 1; i < path_.size(); ++i) {
    run.branch = proposal_.branch(path_[i] - 1);
    if (run.branch == 0) ++run.common;
  }
  run.tokens = widths_;
  run.depth = widths_[0];
  // Drawn guesses have a part in what is said, which must not depend on the clock.
  const bool nominal = most_.drawn && options_.sampling.temperature > 0;
  run.seconds = nominal ? nominal_seconds(run.depth) : steady_seconds() - begin_;
  pace_->ran(run);
}

// As many tokens as the guesses bear out, and one more.
void Stream::choose(std::span<const float> logits) {
  const std::size_t vocabulary = session_->config().vocabulary;
  if (draft_.empty() || logits.size() != draft_.size() * vocabulary)
    throw Error(ErrorKind::invalid, "logits",
                fmt::format("{} given for a draft of {}", logits.size(), draft_.size()),
                fmt::format("{} for each token of the draft", vocabulary));
  path_.clear();
  for (std::int32_t guess = nobody;;) {
    const auto row = static_cast<std::size_t>(guess + 1);
    path_.push_back(row);
    guess = choose_one(logits.subspan(row * vocabulary, vocabulary), guess);
    const TokenId id = tokens_.back();
    const bool end = ends(id);
    if (filter_ != nullptr && !end) filter_->accept(id);
    if (guess == nobody || (end && !options_.ignore_end) || (filter_ != nullptr && filter_->done()))
      return;
  }
}

// What comes behind a guess, or behind the text (nobody); the next guess that is true, or nobody.
std::int32_t Stream::choose_one(std::span<const float> logits, std::int32_t guess) {
  if (filter_ != nullptr) {
    std::ranges::copy(logits, masked_.begin());
    filter_->mask(masked_);
    logits = masked_;
  }
  const std::int32_t next = guess + 1;  // of a chain
  const bool drawn = next < std::ssize(proposal_.tokens()) && !proposal_.chances(next).empty();
  tokens_.push_back(drawn ? verifier_->choose(sampler_, logits, tokens_, ids().size(),
                                              proposal_.tokens()[next], proposal_.chances(next))
                          : sampler_.sample(logits, tokens_, ids().size()));
  return proposal_.child(guess, tokens_.back());
}

// What was chosen becomes ids and text, up to where the stream ends; the rest is forgotten.
void Stream::accept(std::span<const float> logits, std::size_t first) {
  const std::size_t vocabulary = session_->config().vocabulary;
  std::size_t at = first;
  while (at < tokens_.size() && !done()) {
    const TokenId id = tokens_[at];
    if (options_.logprobs >= 0) {
      const Logprobs found = sampler_.logprobs(
          logits.subspan(path_[at - first] * vocabulary, vocabulary), id, options_.logprobs);
      logprobs_.push_back({found.chosen, {found.top.begin(), found.top.end()}});
    }
    ++at;
    if (!options_.ignore_end && ends(id)) end(Finish::end_token);
    else if (tokenizer_ != nullptr) text_ += stops_.push(tokenizer_->bytes(id));
    if (stops_.stopped()) end(Finish::stop_string);
    if (static_cast<std::int64_t>(at - prompt_size_) >= options_.tokens) end(Finish::tokens);
  }
  forget(at);
  if (filter_ != nullptr && filter_->done()) end(Finish::end_token);
}

void Stream::forget(std::size_t tokens) {
  tokens_.resize(tokens);
  const std::int64_t length = static_cast<std::int64_t>(tokens) - 1;
  if (session_->length(sequence_) > length && session_->least_length(sequence_) <= length)
    session_->truncate(sequence_, length);
}

void Stream::refuse(const Error& error) {
  draft_.clear();
  if (error.kind() != ErrorKind::capacity) return fail(error);
  if (proposer_ != nullptr) proposer_ = nullptr;
  else if (!ids().empty()) end(Finish::context);
  else fail(error);
}

void Stream::fail(const Error& error) {
  if (!done()) error_ = error;
}

bool Stream::ends(TokenId id) const {
  if (tokenizer_ == nullptr) return false;
  const std::vector<TokenId>& all = tokenizer_->special().end_of_generation;
  return std::binary_search(all.begin(), all.end(), id);
}

// The first end counts.
void Stream::end(Finish finish) {
  if (done()) return;
  finish_ = finish;
  text_ += stops_.finish();
}

}  // namespace pliant::lm
