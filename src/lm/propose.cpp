// Where guesses come from.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "lm/speculate.h"

namespace pliant::lm {

namespace {

// Of the random numbers of one generated token: the sampler's draw is the first, verification uses
// two more.
double proposal_draw(const Sampler& sampler, std::uint64_t index) {
  Rng rng = sampler.draws(index);
  for (int i = 0; i < 3; ++i) rng.uniform();
  return rng.uniform();
}

TokenId drawn(std::span<const TokenProbability> chances, double draw) {
  for (const TokenProbability& each : chances)
    if ((draw -= each.probability) < 0) return each.id;
  return chances.front().id;  // rounding left nothing
}

}  // namespace

void Proposal::clear() {
  tokens_.clear();
  chances_.clear();
  ends_.clear();
}

void Proposal::add(TokenId token) { add(token, {}); }

void Proposal::add(TokenId token, std::span<const TokenProbability> chances) {
  tokens_.push_back(token);
  chances_.insert(chances_.end(), chances.begin(), chances.end());
  ends_.push_back(chances_.size());
}

std::span<const TokenProbability> Proposal::chances(std::size_t i) const {
  const std::size_t first = i == 0 ? 0 : ends_[i - 1];
  return std::span(chances_).subspan(first, ends_[i] - first);
}

NgramProposer::NgramProposer(std::int64_t shortest, std::int64_t longest)
    : shortest_(shortest), longest_(longest) {
  if (shortest < 1 || longest < shortest)
    throw Error(ErrorKind::usage, "n-gram lookup",
                fmt::format("lengths {} to {}", shortest, longest),
                "the shortest is 1 at least, the longest not below it");
}

void NgramProposer::propose(std::span<const TokenId> history, std::uint64_t, std::int64_t most,
                            Proposal& out) {
  const auto size = history.size();
  for (std::size_t n = longest_; n >= static_cast<std::size_t>(shortest_); --n) {
    if (n >= size) continue;
    const auto last = history.last(n);
    for (std::size_t at = size - n; at-- > 0;) {
      if (!std::ranges::equal(history.subspan(at, n), last)) continue;
      for (const TokenId token : history.subspan(at + n)) {
        if (std::ssize(out.tokens()) == most) break;
        out.add(token);
      }
      return;
    }
  }
}

DraftProposer::DraftProposer(Session& draft, SeqId sequence, Sampler& sampler,
                             std::int64_t vocabulary)
    : draft_(&draft),
      sequence_(sequence),
      sampler_(&sampler),
      logits_(TensorType{DType::f32, {1, vocabulary}}),
      view_(logits_.view()) {
  if (draft.config().vocabulary != vocabulary)
    throw Error(ErrorKind::invalid, "draft model",
                fmt::format("has a vocabulary of {} tokens, the model one of {}",
                            draft.config().vocabulary, vocabulary),
                "use a draft model with the tokenizer of the model");
}

void DraftProposer::propose(std::span<const TokenId> history, std::uint64_t index,
                            std::int64_t most, Proposal& out) {
  const std::int64_t kept = draft_->rewind(sequence_, history);
  const std::int64_t behind = std::ssize(history) - 1 - kept,
                     room = draft_->room(sequence_) - behind;
  most = std::min(most, room);
  if (most <= 0) return;  // the draft's context has ended
  draft_->feed(sequence_, history.subspan(kept, behind));
  history_.assign(history.begin(), history.end());
  for (std::int64_t i = 0; i < most; ++i) {
    const Draft step{sequence_, std::span(history_).last(1)};
    draft_->step({&step, 1}, view_);
    const std::span logits(view_.as<const float>(), view_.type.shape[1]);
    const auto chances = sampler_->distribution(logits, history_);
    history_.push_back(
        drawn(chances, proposal_draw(*sampler_, index + static_cast<std::uint64_t>(i))));
    out.add(history_.back(), chances);
  }
}

}  // namespace pliant::lm
