// Tokenizers: text to ids and back. One class over four algorithms (SentencePiece BPE and unigram,
// byte-level BPE, WordPiece); text/load reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/words/token.h"

namespace pliant {

struct EncodeOptions {
  // the leading and trailing tokens that the model was trained with (BOS, CLS ...)
  bool add_special = true;
  // control tokens that stand in the text become their ids; else they are plain text
  bool parse_special = true;
};

struct ChatSource {        // of a chat template
  std::string text = {};   // Jinja; empty: none
  std::string place = {};  // that errors name
};

struct SpecialTokens {  // -1: the model has none
  TokenId bos = -1, eos = -1, unknown = -1, pad = -1, separator = -1, classify = -1, mask = -1;
  bool add_bos = false, add_eos = false;
  std::vector<TokenId> end_of_generation;  // eos, end of turn ...: generation stops there; sorted
};

// Immutable and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Any bytes are accepted; those that are not UTF-8 become byte tokens, or the unknown token if
  // there are none.
  virtual std::vector<TokenId> encode(std::string_view text,
                                      const EncodeOptions& options = {}) const = 0;
  // The text of a whole sequence. Control tokens are left out unless `special`. Throws
  // Error{invalid} for an id outside [0, size()).
  virtual std::string decode(std::span<const TokenId> ids, bool special = false) const = 0;
  // The bytes that `id` adds inside a text; control tokens: empty. May be part of a UTF-8
  // character.
  virtual std::string bytes(TokenId id) const = 0;

  virtual TokenId size() const = 0;
  virtual const std::string& piece(TokenId id) const = 0;  // as the vocabulary writes it
  virtual std::optional<TokenId> find(std::string_view piece) const = 0;
  virtual TokenKind kind(TokenId id) const = 0;
  virtual const SpecialTokens& special() const = 0;
  virtual std::string_view algorithm() const = 0;  // "spm", "unigram", "bpe", "wordpiece"
  virtual const ChatSource& chat_template() const = 0;
};

}  // namespace pliant
