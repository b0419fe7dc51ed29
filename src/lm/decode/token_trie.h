// The bytes of all tokens of a vocabulary as one trie: what many tokens share is matched once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace pliant::lm {

// Immutable and thread-safe; one serves every grammar over the vocabulary. Holds tokens that add
// text (normal, user-defined, byte) of up to 4096 bytes; control tokens, tokens without bytes and
// end tokens stand for no text.
class TokenTrie {
 public:
  // In depth-first order: the children of a node follow it, `end` is the first node that is not
  // below it.
  struct Node {
    std::uint32_t end = 0;
    std::uint32_t first = 0;  // its tokens are ids()[first] to ids()[first of the next node]
    std::uint16_t depth = 0;  // of the root's children: 0
    std::uint8_t byte = 0;
  };

  explicit TokenTrie(const Tokenizer& tokenizer);

  // one more stands behind
  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  std::span<const TokenId> ids() const { return ids_; }
  std::size_t depth() const { return depth_; }  // bytes of the longest token

  TokenId size() const { return static_cast<TokenId>(offsets_.size() - 1); }
  std::string_view bytes(TokenId id) const;  // empty for tokens that stand for no text
  bool ends(TokenId id) const;               // an end token
  std::span<const TokenId> end_tokens() const { return end_tokens_; }

 private:
  void build();

  std::string text_;                    // the bytes of all tokens, by id
  std::vector<std::uint32_t> offsets_;  // [vocabulary + 1] into text_
  std::vector<TokenId> end_tokens_;     // sorted
  std::vector<TokenId> ids_;            // by bytes, then id
  std::vector<Node> nodes_;
  std::size_t depth_ = 0;
};

}  // namespace pliant::lm
