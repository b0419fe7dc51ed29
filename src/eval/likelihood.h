// How likely a language model finds a text after another.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/items.h"
#include "eval/predictor.h"
#include "text/tokenizer.h"

namespace pliant::eval {

struct Likelihood {
  double log = 0;           // sum over the continuation's tokens, natural logarithm
  std::int64_t tokens = 0;  // of the continuation
  bool greedy = true;       // each of them is the likeliest at its place
};

class Judge {
 public:
  // Both must outlive the judge.
  Judge(Predictor& predictor, const Tokenizer& tokenizer)
      : predictor_(predictor), tokenizer_(tokenizer) {}

  // By the rules of the public evaluation harness: both texts are encoded together, and the
  // continuation is what is not the context's own encoding; blanks at the context's end count to
  // the continuation; an empty context is the token that texts begin with (or end with). Of a
  // context that is too long the beginning is left out. Throws Error{capacity} for a continuation
  // that is longer than the model's context, Error{invalid} for an empty one or an empty context
  // of a model that has neither token.
  Likelihood operator()(const Trial& trial);

 private:
  struct Encoded {
    std::vector<TokenId> tokens;
    std::int64_t continuation = 0;  // where it begins, >= 1
  };
  Encoded encode(const Trial& trial) const;

  Predictor& predictor_;
  const Tokenizer& tokenizer_;
};

}  // namespace pliant::eval
