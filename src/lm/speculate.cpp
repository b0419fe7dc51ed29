#include "lm/speculate.h"

#include <algorithm>

namespace pliant::lm {

Verifier::Verifier(std::int64_t vocabulary) { guessed_.resize(vocabulary); }

TokenId Verifier::choose(Sampler& sampler, std::span<const float> logits,
                         std::span<const TokenId> history, std::uint64_t index, TokenId guess,
                         std::span<const TokenProbability> guesses) {
  const std::span<const TokenProbability> chances = sampler.distribution(logits, history);
  const auto chance = [&](std::span<const TokenProbability> of) {
    const auto at = std::ranges::find(of, guess, &TokenProbability::id);
    return at == of.end() ? 0.0 : at->probability;
  };
  Rng rng = sampler.draws(index);
  rng.uniform();  // sample()'s
  const double draw = rng.uniform();
  return draw * chance(guesses) < chance(chances) ? guess
                                                  : instead(chances, guesses, rng.uniform());
}

// Drawn from what the model's chances exceed the guess's by.
TokenId Verifier::instead(std::span<const TokenProbability> chances,
                          std::span<const TokenProbability> guesses, double draw) {
  const auto place = [&](TokenId id) -> double& { return guessed_[id]; };
  for (const TokenProbability& each : guesses) place(each.id) = each.probability;
  const auto excess = [&](const TokenProbability& each) {
    return std::max(each.probability - place(each.id), 0.0);
  };
  double total = 0;
  for (const TokenProbability& each : chances) total += excess(each);
  double left = draw * total;
  TokenId result = -1;
  for (const TokenProbability& each : chances) {
    const double share = excess(each);
    if (share > 0) result = each.id;  // the last of them if rounding leaves something
    if ((left -= share) < 0) break;
  }
  for (const TokenProbability& each : guesses) place(each.id) = 0;
  return result >= 0 ? result : chances.front().id;
}

}  // namespace pliant::lm
