#include "lm/speculate.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::lm {

Speculator::Speculator(Session& session, SeqId sequence, Sampler& sampler, Proposer& proposer,
                       const SpeculationOptions& options)
    : session_(&session),
      sequence_(sequence),
      sampler_(&sampler),
      proposer_(&proposer),
      options_(options),
      logits_(TensorType{DType::f32, {decode_rows, session.config().vocabulary}}),
      view_(logits_.view()) {
  if (options.tokens < 0 || options.tokens >= decode_rows)
    throw Error(ErrorKind::usage, "speculation", fmt::format("{} tokens at a time", options.tokens),
                fmt::format("0 to {}", decode_rows - 1));
  masked_.resize(session.config().vocabulary);
  guessed_.resize(masked_.size());
}

std::span<const float> Speculator::logits(std::size_t i) const {
  return {reinterpret_cast<const float*>(logits_.raw().data()) + i * masked_.size(), masked_.size()};
}

std::span<const TokenId> Speculator::next(std::span<const TokenId> history, std::uint64_t index, TokenFilter* filter) {
  const std::int64_t length = session_->length(sequence_);
  if (std::ssize(history) != length + 1)
    throw Error(
        ErrorKind::invalid, "speculation",
        fmt::format("a history of {} tokens; the sequence holds {}, one fewer is expected", history.size(), length));
  proposal_.clear();
  // An Editor may drop what a rejected guess would have to bring back.
  const std::int64_t most = session_->edits(sequence_) ? 0 : std::min(options_.tokens, session_->room(sequence_) - 1);
  if (most > 0) proposer_->propose(history, index, most, proposal_);
  history_.assign(history.begin(), history.end());
  found_.clear();
  run(history.back());
  try {
    verify(index, filter);
  } catch (...) {
    session_->truncate(sequence_, length);
    throw;
  }
  session_->truncate(sequence_, length + std::ssize(found_));
  ++stats_.runs;
  stats_.proposed += std::ssize(proposal_.tokens());
  stats_.accepted += std::ssize(found_) - 1;
  return found_;
}

void Speculator::run(TokenId last) {
  run_.assign(1, last);
  run_.insert(run_.end(), proposal_.tokens().begin(), proposal_.tokens().end());
  view_.type.shape[0] = std::ssize(run_);
  const Draft draft{sequence_, run_};
  session_->step({&draft, 1}, view_);
}

void Speculator::verify(std::uint64_t index, TokenFilter* filter) {
  for (std::size_t row = 0;; ++row) {
    const bool guessed = decide(row, index + row, filter);
    const TokenId token = found_.back();
    history_.push_back(token);
    if (filter != nullptr) filter->accept(token);
    const bool ended =
        std::ranges::find(options_.ends, token) != options_.ends.end() || (filter != nullptr && filter->done());
    if (!guessed || ended) return;
  }
}

// Appends the token of this row; whether it is the one that was guessed.
bool Speculator::decide(std::size_t row, std::uint64_t index, const TokenFilter* filter) {
  std::span<const float> own = logits(row);
  if (filter != nullptr) {
    std::ranges::copy(own, masked_.begin());
    filter->mask(masked_);
    own = masked_;
  }
  if (row == proposal_.tokens().size()) {
    found_.push_back(sampler_->sample(own, history_, index));
    return false;
  }
  const TokenId token = proposal_.tokens()[row];
  const std::span<const TokenProbability> guesses = proposal_.chances(row),
                                          chances = sampler_->distribution(own, history_);
  const auto chance = [&](std::span<const TokenProbability> of) {
    const auto at = std::ranges::find(of, token, &TokenProbability::id);
    return at == of.end() ? 0.0 : at->probability;
  };
  Rng rng = sampler_->draws(index);
  rng.uniform();  // sample()'s
  const double guess = guesses.empty() ? 1 : chance(guesses), draw = rng.uniform();
  const bool accepted = draw * guess < chance(chances);
  found_.push_back(accepted ? token : instead(chances, guesses, token, rng.uniform()));
  return accepted;
}

// Drawn from what the model's chances exceed the guess's by.
TokenId Speculator::instead(std::span<const TokenProbability> chances, std::span<const TokenProbability> guessed,
                            TokenId token, double draw) {
  const auto place = [&](TokenId id) -> double& { return guessed_[id]; };
  if (guessed.empty()) place(token) = 1;
  for (const TokenProbability& each : guessed) place(each.id) = each.probability;
  const auto excess = [&](const TokenProbability& each) { return std::max(each.probability - place(each.id), 0.0); };
  double total = 0;
  for (const TokenProbability& each : chances) total += excess(each);
  double left = draw * total;
  TokenId result = -1;
  for (const TokenProbability& each : chances) {
    const double share = excess(each);
    if (share > 0) result = each.id;  // the last of them if rounding leaves something
    if ((left -= share) < 0) break;
  }
  place(token) = 0;
  for (const TokenProbability& each : guessed) place(each.id) = 0;
  return result >= 0 ? result : chances.front().id;
}

}  // namespace pliant::lm
