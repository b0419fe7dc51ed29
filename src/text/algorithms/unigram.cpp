#include <algorithm>
#include <limits>

#include "text/algorithms/model.h"
#include "text/unicode/unicode.h"
#include "text/words/trie.h"

namespace pliant::text {
namespace {

constexpr float unknown_penalty = 10;  // SentencePiece's: below the worst piece

class UnigramModel : public SubwordModel {
 public:
  UnigramModel(const Vocabulary& vocabulary, Unknown unknown)
      : vocabulary_(vocabulary), unknown_(std::move(unknown)) {
    float least = std::numeric_limits<float>::max(), most = std::numeric_limits<float>::min();
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      const PieceEntry& entry = vocabulary[id];
      if (entry.kind == TokenKind::normal || entry.kind == TokenKind::user_defined)
        pieces_.add(entry.piece, id);
      if (entry.kind != TokenKind::normal) continue;
      least = std::min(least, entry.score);
      most = std::max(most, entry.score);
    }
    pieces_.seal();
    unknown_score_ = (least == std::numeric_limits<float>::max() ? 0 : least) - unknown_penalty;
    best_score_ = most;
  }

  // Viterbi over byte positions: the best path to each end of a piece, from left to right.
  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    std::vector<Node> nodes(word.size() + 1);
    nodes[0].begin = 0;
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t character = first_char(word.substr(at)).size;
      const float so_far = nodes[at].score;
      bool single = false;
      pieces_.each(word.substr(at), [&](const Trie::Found& found) {
        nodes[at + found.size].offer(at, found.id, so_far + score(found));
        single = single || found.size == character;
      });
      if (!single) nodes[at + character].offer(at, -1, so_far + unknown_score_);
      at += character;
    }
    append_path(word, nodes, ids);
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};
  struct Node {
    std::size_t begin = nowhere;
    TokenId id = -1;
    float score = 0;
    void offer(std::size_t from, TokenId piece, float total) {
      if (begin != nowhere && total <= score) return;
      begin = from;
      id = piece;
      score = total;
    }
  };

  float score(const Trie::Found& found) const {
    const PieceEntry& entry = vocabulary_[found.id];
    if (entry.kind != TokenKind::user_defined) return entry.score;
    return static_cast<float>(static_cast<double>(static_cast<float>(found.size) * best_score_) -
                              0.1);
  }

  void append_path(std::string_view word, const std::vector<Node>& nodes,
                   std::vector<TokenId>& ids) const {
    std::vector<std::size_t> ends;
    for (std::size_t end = word.size(); end > 0; end = nodes[end].begin) ends.push_back(end);
    bool after_unknown = false;
    for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
      const Node& node = nodes[*end];
      if (node.id < 0) unknown_.add(word.substr(node.begin, *end - node.begin), after_unknown, ids);
      else ids.push_back(node.id), after_unknown = false;
    }
  }

  const Vocabulary& vocabulary_;
  Unknown unknown_;
  Trie pieces_;
  float unknown_score_ = 0, best_score_ = 0;
};

}  // namespace

std::unique_ptr<SubwordModel> unigram_model(const Vocabulary& vocabulary, Unknown unknown) {
  return std::make_unique<UnigramModel>(vocabulary, std::move(unknown));
}

}  // namespace pliant::text
