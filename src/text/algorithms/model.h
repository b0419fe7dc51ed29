// The four algorithms that make ids of words. Each is immutable and thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/algorithms/vocabulary.h"

namespace pliant::text {

class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  virtual void encode(std::string_view word, std::vector<TokenId>& ids) const = 0;  // appends
};

// What characters without a piece become: their bytes, else the unknown token (one for a run, if
// fused), else nothing.
struct Unknown {
  TokenId id = -1;
  std::vector<TokenId> bytes{};  // 256 ids, or none
  bool fuse = false;
  void add(std::string_view character, bool& after_unknown, std::vector<TokenId>& ids) const;
};

struct Merge {  // left and right become one; earlier ones first
  TokenId left, right, merged;
};

struct MergeOptions {
  // begins with bytes, written in the byte alphabet; else with characters
  bool bytes = false;
  bool whole_words = false;  // a word that is a piece stays whole
  // words of fewer symbols are scanned for the best pair; longer ones keep a queue
  std::size_t linear_below = 32;
};

// BPE by a list of merges: the pair of least rank first, the leftmost of equals.
std::unique_ptr<SubwordModel> merge_model(const Vocabulary& vocabulary,
                                          std::span<const Merge> merges, Unknown unknown,
                                          const MergeOptions& options);

// SentencePiece BPE: two neighbours whose union is a piece, the highest score first, the leftmost
// of equals. Pieces of kind user_defined that stand in the text stay whole. `vocabulary` must
// outlive the model.
std::unique_ptr<SubwordModel> score_model(const Vocabulary& vocabulary, Unknown unknown);

// SentencePiece unigram: the path of highest total score. `vocabulary` must outlive the model.
std::unique_ptr<SubwordModel> unigram_model(const Vocabulary& vocabulary, Unknown unknown);

struct WordPieceOptions {
  std::string continuing = "##";  // before pieces inside a word
  std::string beginning{};        // before pieces at its beginning ("▁" in GGUF files)
  std::size_t max_characters = 100;
};
// Longest piece first; the whole word is unknown if a part of it is.
std::unique_ptr<SubwordModel> wordpiece_model(const Vocabulary& vocabulary, TokenId unknown,
                                              const WordPieceOptions& options);

// No piece of the vocabulary goes on with "▁" after something else, so that words may be cut there.
bool cuts_at_marks(const Vocabulary& vocabulary);

}  // namespace pliant::text
