// SentencePiece BPE (tokenizer kind "llama" of GGUF).
#include <optional>
#include <unordered_map>

#include "text/algorithms/merge_queue.h"
#include "text/algorithms/model.h"
#include "text/unicode/unicode.h"
#include "text/words/bytes.h"
#include "text/words/trie.h"

namespace pliant::text {
namespace {

struct Span {  // of the word, in bytes; frozen ones merge with nothing
  std::size_t begin, end;
  bool frozen = false;
};

bool is_plain(TokenKind kind) {
  return kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::unused;
}

class ScoreModel : public SubwordModel {
 public:
  ScoreModel(const Vocabulary& vocabulary, Unknown unknown)
      : vocabulary_(vocabulary), unknown_(std::move(unknown)) {
    for (TokenId id = 0; id < vocabulary.size(); ++id)
      if (vocabulary[id].kind == TokenKind::user_defined) whole_.add(vocabulary[id].piece, id);
    whole_.seal();
  }

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    std::vector<Span> symbols;
    symbols.reserve(word.size());
    for (std::size_t at = 0; at < word.size(); at = symbols.back().end) {
      const auto found = whole_.longest(word.substr(at));
      if (found) symbols.push_back({at, at + found->size, true});
      else symbols.push_back({at, at + first_char(word.substr(at)).size});
    }
    const Pairs pairs{*this, word, {}};
    merge_chain(symbols, pairs);
    bool after_unknown = false;
    for (const Span& each : symbols) pairs.add(each, after_unknown, ids);
  }

 private:
  TokenId plain(std::string_view piece) const {
    const TokenId id = vocabulary_.find(piece);
    return id >= 0 && is_plain(vocabulary_[id].kind) ? id : -1;
  }

  struct Pairs {
    using Value = float;  // the negated score
    const ScoreModel& model;
    std::string_view word;
    // Where unused pieces were put together, by begin and size: they are taken apart again.
    mutable std::unordered_map<std::string_view, std::size_t> seams;

    std::string_view text(const Span& span) const {
      return word.substr(span.begin, span.end - span.begin);
    }
    std::optional<Value> value(const Span& left, const Span& right) const {
      if (left.frozen || right.frozen) return {};
      const std::string_view both = text(merge(left, right));
      const TokenId id = model.plain(both);
      if (id < 0) return {};
      if (model.vocabulary_[id].kind == TokenKind::unused) seams[both] = left.end - left.begin;
      return -model.vocabulary_[id].score;
    }
    Span merge(const Span& left, const Span& right) const { return {left.begin, right.end}; }

    void add(const Span& span, bool& after_unknown, std::vector<TokenId>& ids) const {
      const TokenId id = model.plain(text(span));
      if (id < 0) {
        model.unknown_.add(text(span), after_unknown, ids);
      } else if (const auto seam = seams.find(text(span));
                 model.vocabulary_[id].kind == TokenKind::unused && seam != seams.end()) {
        add({span.begin, span.begin + seam->second}, after_unknown, ids);
        add({span.begin + seam->second, span.end}, after_unknown, ids);
      } else {
        ids.push_back(id);
        after_unknown = false;
      }
    }
  };

  const Vocabulary& vocabulary_;
  Unknown unknown_;
  Trie whole_;
};

}  // namespace

std::unique_ptr<SubwordModel> score_model(const Vocabulary& vocabulary, Unknown unknown) {
  return std::make_unique<ScoreModel>(vocabulary, std::move(unknown));
}

}  // namespace pliant::text
