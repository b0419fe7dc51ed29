// What may come next: a rule over token ids that generation follows (grammars are the rule this
// exists for).
#pragma once

#include <memory>
#include <span>

#include "text/tokenizer.h"

namespace pliant::lm {

class TokenFilter {
 public:
  virtual ~TokenFilter() = default;
  // Sets the logits of tokens that may not follow to minus infinity. At least one stays finite, or
  // done() is true.
  virtual void mask(std::span<float> logits) const = 0;
  // throws Error{invalid} for a token that mask() excludes
  virtual void accept(TokenId id) = 0;
  virtual bool done() const = 0;                          // nothing but an end token may follow
  virtual std::unique_ptr<TokenFilter> copy() const = 0;  // for speculation
};

}  // namespace pliant::lm
