// A tokenizer that is a list of byte strings, to test what works over vocabularies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "text/tokenizer.h"

namespace pliant::lm {

class ListTokenizer final : public Tokenizer {
 public:
  // Id 0 is the end token, unless another id is to end texts; then `pieces` from id 1 on.
  explicit ListTokenizer(std::vector<std::string> pieces, TokenId end = 0)
      : pieces_(std::move(pieces)) {
    pieces_.insert(pieces_.begin(), "<end>");
    special_.eos = 0;
    special_.end_of_generation = {end};
  }

  // the longest, greedily
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId best = -1;
      for (TokenId id = 1; id < size(); ++id)
        if (text.starts_with(piece(id)) && (best < 0 || piece(id).size() > piece(best).size()))
          best = id;
      if (best < 0)
        throw Error(ErrorKind::invalid, "list tokenizer", "no piece for " + std::string(text));
      ids.push_back(best);
      text.remove_prefix(piece(best).size());
    }
    return ids;
  }
  std::string decode(std::span<const TokenId> ids, bool) const override {
    std::string text;
    for (const TokenId id : ids) text += bytes(id);
    return text;
  }
  std::string bytes(TokenId id) const override { return id == 0 ? "" : piece(id); }
  TokenId size() const override { return static_cast<TokenId>(pieces_.size()); }
  const std::string& piece(TokenId id) const override { return pieces_[id]; }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  TokenKind kind(TokenId id) const override {
    return id == 0 ? TokenKind::control : TokenKind::normal;
  }
  const SpecialTokens& special() const override { return special_; }
  std::string_view algorithm() const override { return "list"; }
  const ChatSource& chat_template() const override { return none_; }

 private:
  std::vector<std::string> pieces_;
  SpecialTokens special_;
  ChatSource none_;
};

inline std::vector<std::string> all_bytes() {
  std::vector<std::string> pieces;
  for (int byte = 0; byte < 256; ++byte) pieces.emplace_back(1, static_cast<char>(byte));
  return pieces;
}

}  // namespace pliant::lm
