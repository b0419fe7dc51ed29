// The tokenizer that all loaders assemble: added tokens, normaliser, splitters, model, special
// tokens, texts.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/algorithms/model.h"
#include "text/algorithms/vocabulary.h"
#include "text/tokenizer.h"
#include "text/words/added.h"
#include "text/words/normalize.h"
#include "text/words/split.h"

namespace pliant::text {

// What a GGUF file says of a tokenizer besides its pieces.
struct GgufForm {
  std::string refusal{};       // not empty: why there is no such form
  std::string model{}, pre{};  // "gpt2", "llama", "t5", "bert"
  std::vector<std::pair<TokenId, TokenId>> merges{};
  bool space_prefix = false, remove_extra_spaces = false;
  std::string charsmap{};
  // If the file has others than the vocabulary:
  std::vector<std::string> pieces{};
  std::vector<float> scores{};
};

struct Parts {
  Vocabulary vocabulary;
  std::string algorithm;
  std::vector<AddedToken> added;
  std::shared_ptr<const Normalizer> normalizer;  // null: none
  Splitters splitters;
  std::unique_ptr<SubwordModel> model;
  std::vector<TokenId> prefix, suffix;  // put around a text if special tokens are wanted
  SpecialTokens special;
  ChatSource chat;
  std::vector<std::string> texts;  // by id: what a token adds to a text
  bool drop_first_space = false;   // decoded texts lose it
  bool drop_first_spaces = false;  // and those of the pieces that follow
  GgufForm gguf;
};

class Pipeline : public Tokenizer {
 public:
  // parts.model refers to parts.vocabulary: they stay where they are
  explicit Pipeline(std::unique_ptr<Parts> parts);

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override;
  std::string decode(std::span<const TokenId> ids, bool special) const override;
  std::string bytes(TokenId id) const override;
  TokenId size() const override { return parts_->vocabulary.size(); }
  const std::string& piece(TokenId id) const override {
    return parts_->vocabulary[checked(id)].piece;
  }
  std::optional<TokenId> find(std::string_view piece) const override;
  TokenKind kind(TokenId id) const override { return parts_->vocabulary[checked(id)].kind; }
  const SpecialTokens& special() const override { return parts_->special; }
  std::string_view algorithm() const override { return parts_->algorithm; }
  const ChatSource& chat_template() const override { return parts_->chat; }

  const Parts& parts() const { return *parts_; }

 private:
  TokenId checked(TokenId id) const;
  void encode_plain(std::string_view text, bool leading, bool parse_special,
                    std::vector<TokenId>& ids) const;
  void encode_words(std::string_view text, bool leading, std::vector<TokenId>& ids) const;

  std::unique_ptr<const Parts> parts_;
  AddedFinder raw_, normalized_;
};

// Fills special.end_of_generation: eos, and control tokens by the names that models give to ends of
// turns.
void find_ends(SpecialTokens& special, const Vocabulary& vocabulary);

// texts for pieces in the byte alphabet; others stand for themselves.
std::vector<std::string> byte_level_texts(const Vocabulary& vocabulary);
// texts for SentencePiece's pieces: spaces, byte pieces, and `unknown` for the unknown one.
std::vector<std::string> sentencepiece_texts(const Vocabulary& vocabulary,
                                             std::string_view unknown);

}  // namespace pliant::text
