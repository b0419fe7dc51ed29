#include "text/algorithms/model.h"
#include "text/unicode/unicode.h"
#include "text/words/trie.h"

namespace pliant::text {
namespace {

class WordPieceModel : public SubwordModel {
 public:
  WordPieceModel(const Vocabulary& vocabulary, TokenId unknown, const WordPieceOptions& options)
      : unknown_(unknown), max_characters_(options.max_characters) {
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      const PieceEntry& entry = vocabulary[id];
      if (entry.kind != TokenKind::normal && entry.kind != TokenKind::user_defined) continue;
      std::string_view piece = entry.piece;
      const bool begins = !options.beginning.empty() && piece.starts_with(options.beginning);
      const bool continues =
          options.beginning.empty() ? piece.starts_with(options.continuing) : !begins;
      if (begins) piece.remove_prefix(options.beginning.size());
      // A piece "##x" also stands for the word "##x" itself, where nothing marks beginnings.
      if (continues)
        continuing_.add(piece.substr(options.beginning.empty() ? options.continuing.size() : 0),
                        id);
      if (!continues || options.beginning.empty()) beginning_.add(piece, id);
    }
    continuing_.seal();
    beginning_.seal();
  }

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    const std::size_t begin = ids.size();
    std::size_t characters = 0;
    for (std::size_t at = 0; at < word.size() && characters <= max_characters_; ++characters)
      at += first_char(word.substr(at)).size;
    bool known = characters <= max_characters_;
    for (std::size_t at = 0; at < word.size() && known;) {
      const auto found = (at == 0 ? beginning_ : continuing_).longest(word.substr(at));
      known = found.has_value();
      if (!known) break;
      ids.push_back(found->id);
      at += found->size;
    }
    if (known) return;
    ids.resize(begin);
    if (unknown_ >= 0) ids.push_back(unknown_);
  }

 private:
  Trie beginning_, continuing_;
  TokenId unknown_;
  std::size_t max_characters_;
};

}  // namespace

std::unique_ptr<SubwordModel> wordpiece_model(const Vocabulary& vocabulary, TokenId unknown,
                                              const WordPieceOptions& options) {
  return std::make_unique<WordPieceModel>(vocabulary, unknown, options);
}

}  // namespace pliant::text
