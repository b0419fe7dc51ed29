// Speculative decoding: tokens are guessed, one continuation or a tree of them, verified together
// in one decode run, and kept as far as they are what the model itself would have said. Guesses
// without chance leave every text as it is without them, bit for bit: the model's token is chosen
// as ever, and a guess that equals it saves a run (Miao et al., arXiv 2305.09781). Guesses that
// were drawn are kept by chance: greedy text is the same then too, sampled text has the same
// distribution (rejection sampling: Leviathan et al., arXiv 2211.17192; Chen et al., arXiv
// 2302.01318).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lm/decode/filter.h"
#include "lm/decode/sampling.h"
#include "lm/pace.h"
#include "lm/session.h"

namespace pliant::lm {

inline constexpr std::int32_t nobody = -1;

// Guessed tokens: a chain, each following the one before, or a tree.
class Proposal {
 public:
  void clear();
  void reserve(std::int64_t tokens);  // so many without chances then allocate nothing
  void add(TokenId token);            // behind the one before
  // The same, drawn from these; only where all are.
  void add(TokenId token, std::span<const TokenProbability> chances);
  // Behind another one, or behind the text (`nobody`), whom no equal one follows. Returns its
  // place.
  std::int32_t add_behind(std::int32_t parent, TokenId token);

  std::span<const TokenId> tokens() const { return tokens_; }
  std::span<const std::int32_t> parents() const { return parents_; }
  std::int32_t child(std::int32_t parent, TokenId token) const;  // or nobody
  bool chain() const { return branches_ <= 1; }
  // Branch 0 is what first follows each token, from the text on; each token that is a later one to
  // follow another begins a new branch.
  std::int64_t branch(std::size_t i) const { return branch_[i]; }
  std::int64_t branches() const { return branches_; }
  std::span<const TokenProbability> chances(std::size_t i) const;  // empty: without chance

 private:
  std::vector<TokenId> tokens_;
  std::vector<std::int32_t> parents_;
  std::vector<std::int64_t> branch_;
  std::int64_t branches_ = 0;
  std::vector<TokenProbability> chances_;
  std::vector<std::size_t> ends_;  // by token, in chances_
};

class Proposer {
 public:
  virtual ~Proposer() = default;
  // At most so much to follow `history`; the first would be generated token `index`. May propose
  // none.
  virtual void propose(std::span<const TokenId> history, std::uint64_t index, const Guesses& most,
                       Proposal& out) = 0;
  virtual bool draws() const { return false; }  // its guesses, where it may
};

// What followed when the text went as it does now before: the latest earlier place of its last
// tokens, longest match first; further branches are what followed at other places.
class NgramProposer : public Proposer {
 public:
  // throws Error{usage}
  explicit NgramProposer(std::int64_t shortest = 2, std::int64_t longest = 4);
  void propose(std::span<const TokenId> history, std::uint64_t index, const Guesses& most,
               Proposal& out) override;

 private:
  std::int64_t shortest_, longest_;
};

// A smaller model with the same vocabulary. Its sequence follows the history by itself. A chain is
// drawn as the sampler draws; of a tree, the first branch is what it finds likeliest, and of the
// other tokens those stand beside it that it finds likeliest.
class DraftProposer : public Proposer {
 public:
  // Both must outlive it. `sampler` is its own, with the options of the sampler that verifies.
  // Throws Error{invalid} if the vocabularies differ.
  DraftProposer(Session& draft, SeqId sequence, Sampler& sampler, std::int64_t vocabulary);
  void propose(std::span<const TokenId> history, std::uint64_t index, const Guesses& most,
               Proposal& out) override;
  bool draws() const override { return true; }

 private:
  struct Beside {  // what might stand beside the first branch
    std::int32_t parent = nobody;
    TokenId token = 0;
    double logprob = 0;  // of all that leads to it too
  };
  std::span<const float> step();
  void propose_chain(std::uint64_t index, std::int64_t most, Proposal& out);
  void propose_tree(const Guesses& most, Proposal& out);

  Session* draft_;
  SeqId sequence_;
  Sampler* sampler_;
  Tensor logits_;  // [1, vocabulary]
  TensorView view_;
  std::vector<TokenId> history_;
  std::vector<Beside> beside_;
};

struct SpeculationStats {
  std::int64_t runs = 0, proposed = 0, accepted = 0;
};

// Rejection sampling: a guess is kept with the chance that makes the outcome the model's own.
class Verifier {
 public:
  explicit Verifier(std::int64_t vocabulary);
  // The token after `history`, generated token `index`: `guess`, drawn from `guesses`, or what is
  // said in its place. `logits`: the model's own. Allocates nothing.
  // Throws as Sampler::distribution().
  TokenId choose(Sampler& sampler, std::span<const float> logits, std::span<const TokenId> history,
                 std::uint64_t index, TokenId guess, std::span<const TokenProbability> guesses);

 private:
  TokenId instead(std::span<const TokenProbability> chances,
                  std::span<const TokenProbability> guesses, double draw);

  std::vector<double> guessed_;  // [vocabulary], zero between calls
};

}  // namespace pliant::lm
