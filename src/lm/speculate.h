// Speculative decoding: tokens are guessed, verified together in one decode run, and kept as far as
// they are what the model itself would have said. Greedy output is that of plain decoding, bit for
// bit; sampled output has the same distribution (rejection sampling: Leviathan et al., arXiv
// 2211.17192; Chen et al., arXiv 2302.01318).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lm/decode/filter.h"
#include "lm/decode/sampling.h"
#include "lm/session.h"

namespace pliant::lm {

// Guessed tokens, and what each was drawn from.
class Proposal {
 public:
  void clear();
  void add(TokenId token);  // guessed without chance
  void add(TokenId token, std::span<const TokenProbability> chances);
  std::span<const TokenId> tokens() const { return tokens_; }
  std::span<const TokenProbability> chances(std::size_t i) const;  // empty: without chance

 private:
  std::vector<TokenId> tokens_;
  std::vector<TokenProbability> chances_;
  std::vector<std::size_t> ends_;  // by token, in chances_
};

class Proposer {
 public:
  virtual ~Proposer() = default;
  // At most `most` tokens to follow `history`; the first would be generated token `index`. May
  // propose none.
  virtual void propose(std::span<const TokenId> history, std::uint64_t index, std::int64_t most,
                       Proposal& out) = 0;
};

// What followed the last time that the text went as it does now: the latest earlier place of its
// last tokens, longest match first.
class NgramProposer : public Proposer {
 public:
  // throws Error{usage}
  explicit NgramProposer(std::int64_t shortest = 2, std::int64_t longest = 4);
  void propose(std::span<const TokenId> history, std::uint64_t index, std::int64_t most,
               Proposal& out) override;

 private:
  std::int64_t shortest_, longest_;
};

// A smaller model with the same vocabulary. Its sequence follows the history by itself.
class DraftProposer : public Proposer {
 public:
  // Both must outlive it. `sampler` is its own, with the options of the sampler that verifies.
  // Throws Error{invalid} if the vocabularies differ.
  DraftProposer(Session& draft, SeqId sequence, Sampler& sampler, std::int64_t vocabulary);
  void propose(std::span<const TokenId> history, std::uint64_t index, std::int64_t most,
               Proposal& out) override;

 private:
  Session* draft_;
  SeqId sequence_;
  Sampler* sampler_;
  Tensor logits_;  // [1, vocabulary]
  TensorView view_;
  std::vector<TokenId> history_;
};

struct SpeculationStats {
  std::int64_t runs = 0, proposed = 0, accepted = 0;
};

// Rejection sampling: a guess is kept with the chance that makes the outcome the model's own.
class Verifier {
 public:
  explicit Verifier(std::int64_t vocabulary);
  // The token after `history`, generated token `index`: `guess`, drawn from `guesses` (empty:
  // without chance), or what is said in its place. `logits`: the model's own. Allocates nothing.
  // Throws as Sampler::distribution().
  TokenId choose(Sampler& sampler, std::span<const float> logits, std::span<const TokenId> history,
                 std::uint64_t index, TokenId guess, std::span<const TokenProbability> guesses);

 private:
  TokenId instead(std::span<const TokenProbability> chances,
                  std::span<const TokenProbability> guesses, TokenId guess, double draw);

  std::vector<double> guessed_;  // [vocabulary], zero between calls
};

}  // namespace pliant::lm
