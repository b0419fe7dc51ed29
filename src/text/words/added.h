// Tokens that are found in a text as they are, before it is cut into words: control tokens and
// added words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/words/trie.h"

namespace pliant::text {

struct AddedToken {
  TokenId id = -1;
  std::string content{};
  bool special = false;      // found only if the caller parses special tokens
  bool normalized = false;   // found in the normalised text
  bool strip_left = false;   // takes the white space before it
  bool strip_right = false;  // and after it
  bool single_word = false;  // only where no letter or digit is next to it
};

struct Segment {
  std::string_view text;
  TokenId id = -1;  // -1: plain text
};

class AddedFinder {  // immutable and thread-safe
 public:
  AddedFinder() = default;
  explicit AddedFinder(std::vector<AddedToken> tokens);
  // The text in segments; the leftmost, longest tokens. Empty segments are left out.
  std::vector<Segment> split(std::string_view text, bool parse_special) const;
  bool empty() const { return tokens_.empty(); }

 private:
  const AddedToken* at(std::string_view text, std::size_t begin, bool parse_special) const;
  std::vector<AddedToken> tokens_;
  Trie trie_;  // ids are indices of tokens_
};

}  // namespace pliant::text
