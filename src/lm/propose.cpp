// Where guesses come from.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

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

// A continuation becomes a part of the tree. Whether there is room for another one.
bool join(std::span<const TokenId> tokens, const Guesses& most, Proposal& out) {
  std::int32_t at = nobody;
  bool new_branch = false;
  for (const TokenId token : tokens.first(std::min<std::size_t>(tokens.size(), most.depth))) {
    if (token < 0) break;  // the name of a row that is no token's
    const std::int32_t known = out.child(at, token);
    if (known == nobody) {
      const bool begins =
          !new_branch && std::ranges::find(out.parents(), at) != out.parents().end();
      if (begins && out.branches() == most.branches) break;
      if (std::ssize(out.tokens()) == most.tokens) return false;
      new_branch = true;
      at = out.add_behind(at, token);
    } else {
      at = known;
    }
  }
  return out.branches() < most.branches && std::ssize(out.tokens()) < most.tokens;
}

}  // namespace

void Proposal::clear() {
  tokens_.clear();
  parents_.clear();
  branch_.clear();
  branches_ = 0;
  chances_.clear();
  ends_.clear();
}

void Proposal::reserve(std::int64_t tokens) {
  tokens_.reserve(tokens);
  parents_.reserve(tokens);
  branch_.reserve(tokens);
  ends_.reserve(tokens);
}

void Proposal::add(TokenId token) { add(token, {}); }

void Proposal::add(TokenId token, std::span<const TokenProbability> chances) {
  add_behind(static_cast<std::int32_t>(tokens_.size()) - 1, token);
  chances_.insert(chances_.end(), chances.begin(), chances.end());
  ends_.back() = chances_.size();
}

std::int32_t Proposal::add_behind(std::int32_t parent, TokenId token) {
  const bool first = std::ranges::find(parents_, parent) == parents_.end();
  if (!first || branches_ == 0) branch_.push_back(branches_++);
  else branch_.push_back(branch_[parent]);
  tokens_.push_back(token);
  parents_.push_back(parent);
  ends_.push_back(chances_.size());
  return static_cast<std::int32_t>(tokens_.size()) - 1;
}

std::int32_t Proposal::child(std::int32_t parent, TokenId token) const {
  for (std::int32_t i = parent + 1; i < std::ssize(tokens_); ++i)
    if (parents_[i] == parent && tokens_[i] == token) return i;
  return nobody;
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

void NgramProposer::propose(std::span<const TokenId> history, std::uint64_t, const Guesses& most,
                            Proposal& out) {
  const auto size = history.size();
  if (most.tokens <= 0) return;
  for (std::size_t n = longest_; n >= static_cast<std::size_t>(shortest_); --n) {
    if (n >= size) continue;
    const auto last = history.last(n);
    for (std::size_t at = size - n; at-- > 0;) {
      if (!std::ranges::equal(history.subspan(at, n), last)) continue;
      if (!join(history.subspan(at + n), most, out)) return;
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
                            const Guesses& most, Proposal& out) {
  const std::int64_t kept = draft_->rewind(sequence_, history);
  const std::int64_t behind = std::ssize(history) - 1 - kept,
                     room = draft_->room(sequence_) - behind;
  Guesses fitting = most;
  fitting.depth = std::min(most.depth, room);
  if (fitting.depth <= 0) return;  // the draft's context has ended
  draft_->feed(sequence_, history.subspan(kept, behind));
  history_.assign(history.begin(), history.end());
  if (most.drawn) propose_chain(index, fitting.depth, out);
  else propose_tree(fitting, out);
}

// Of the token behind the last one of the history.
std::span<const float> DraftProposer::step() {
  const Draft step{sequence_, std::span(history_).last(1)};
  draft_->step({&step, 1}, view_);
  return {view_.as<const float>(), static_cast<std::size_t>(view_.type.shape[1])};
}

void DraftProposer::propose_chain(std::uint64_t index, std::int64_t most, Proposal& out) {
  for (std::int64_t i = 0; i < most; ++i) {
    const auto chances = sampler_->distribution(step(), history_);
    history_.push_back(
        drawn(chances, proposal_draw(*sampler_, index + static_cast<std::uint64_t>(i))));
    out.add(history_.back(), chances);
  }
}

void DraftProposer::propose_tree(const Guesses& most, Proposal& out) {
  beside_.clear();
  double logprob = 0;  // of the first branch
  std::int32_t tip = nobody;
  for (std::int64_t i = 0; i < std::min(most.depth, most.tokens); ++i) {
    const std::span<const float> logits = step();
    const Logprobs found = sampler_->logprobs(logits, 0, most.branches);
    for (const TokenLogprob& each : found.top.subspan(1))
      beside_.push_back({tip, each.id, logprob + each.logprob});
    logprob += found.top.front().logprob;
    history_.push_back(found.top.front().id);
    tip = out.add_behind(tip, history_.back());
  }
  std::ranges::sort(beside_, [](const Beside& a, const Beside& b) {
    return std::tuple(-a.logprob, a.parent, a.token) < std::tuple(-b.logprob, b.parent, b.token);
  });
  for (const Beside& each : beside_) {
    if (out.branches() == most.branches || std::ssize(out.tokens()) == most.tokens) break;
    out.add_behind(each.parent, each.token);
  }
}

}  // namespace pliant::lm
