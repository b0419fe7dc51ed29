// Grammars in GBNF: what a text may look like, and the token filter that holds a generation to it.
// docs/formats.md lists what of GBNF is understood.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lm/decode/filter.h"
#include "lm/decode/token_trie.h"

namespace pliant::lm {

struct GrammarProgram;

// Immutable and thread-safe.
class Grammar {
 public:
  // The rule `root` is what a text must match. Throws Error{format} naming line and column for what
  // is no grammar: an undefined or repeated rule, one that calls itself before it read a character,
  // one that no finite text matches; Error {capacity} for a grammar beyond the bounds of
  // docs/formats.md.
  Grammar(std::string_view gbnf, std::string_view place);

  // Whether the whole text matches. Throws Error{capacity} as GrammarFilter does.
  bool matches(std::string_view text) const;

  const std::shared_ptr<const GrammarProgram>& program() const { return program_; }

 private:
  std::shared_ptr<const GrammarProgram> program_;
};

// A generation under a grammar. The filter and its copies share what they have worked out, and so
// one thread. Rules may be open to a depth of 1024; a text that needs more is not generated. Throws
// Error{capacity} from mask() and accept() where a grammar is so ambiguous that its work passes a
// bound, Error{unsupported} from mask() where no token of the vocabulary can go on.
class GrammarFilter final : public TokenFilter {
 public:
  GrammarFilter(const Grammar& grammar, std::shared_ptr<const TokenTrie> vocabulary);

  // Ids beyond the tokenizer's (a padded table) are excluded. End tokens may come where the text is
  // complete.
  void mask(std::span<float> logits) const override;
  void accept(TokenId id) override;
  bool done() const override;
  std::unique_ptr<TokenFilter> copy() const override;

  bool complete() const;  // the text so far matches: an end token may follow

 private:
  struct Shared;
  void move_on();

  std::shared_ptr<Shared> shared_;
  std::int32_t state_ = 0;
  bool ended_ = false;
};

}  // namespace pliant::lm
