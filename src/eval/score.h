// What a model scores on sets of items.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "eval/items.h"
#include "eval/predictor.h"
#include "text/tokenizer.h"

namespace pliant::eval {

struct Share {
  double mean = 0, error = 0;  // of items; its standard error
};

Share share_of(std::span<const double> values);

struct Score {
  std::string name;                  // of the set
  std::int64_t n = 0;                // items that were asked
  double chance = 0;                 // what guessing scores
  std::optional<Share> acc;          // the likeliest choice, or last word, is right
  std::optional<Share> acc_norm;     // likeliest per character of the choice
  std::optional<double> perplexity;  // of last words, each as one
  std::optional<Share> rouge_l;      // of answers: the F measure
  // 0 for guessing, 1 for all right: (score - chance) / (1 - chance), of acc_norm where there is
  // one.
  double centred() const;
};

struct ScoreOptions {
  std::int64_t answer_tokens = 128;         // written at most, the likeliest each time
  const std::atomic<bool>* stop = nullptr;  // may be null; ends after the item in hand
};

// Asks every item. `progress` is called with the items asked so far. Of a set that was stopped the
// figures are of its beginning; n may be 0. Throws as Judge does, naming set and item.
Score score(Predictor& predictor, const Tokenizer& tokenizer, const ItemSet& set,
            const ScoreOptions& options = {},
            const std::function<void(std::int64_t)>& progress = {});

// The mean of the sets' centred scores; 0 for none.
double aggregate(std::span<const Score> scores);

}  // namespace pliant::eval
