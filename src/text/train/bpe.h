// Training of byte-level BPE: the most frequent pair of neighbours becomes a token, again and
// again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pliant {

struct BpeTraining {
  // entries of the vocabulary: special tokens, 256 bytes, merges
  std::int64_t size = 32000;
  // first in the vocabulary; they cut the text and are no part of it
  std::vector<std::string> special{};
  std::string family = "gpt-2";  // how texts are cut into words: a name of text/families.h
  std::int64_t least_count = 1;  // pairs seen less often are not merged
  // Called now and then with (done, all) of merges; it may throw to end the work.
  std::function<void(std::int64_t, std::int64_t)> progress{};
};

struct TrainedBpe {
  // by id, in the byte alphabet; special ones as they are
  std::vector<std::string> pieces;
  std::vector<std::pair<std::string, std::string>> merges;  // in order
  std::vector<std::string> special;
  std::string family;
};

// The same result for the same corpus: of pairs with equal counts the one with the greater bytes
// (left part first) wins. Fewer entries than asked for if no pair is left. Throws Error{usage} for
// options out of range.
TrainedBpe train_byte_bpe(std::string_view corpus, const BpeTraining& options);

std::string vocabulary_json(const TrainedBpe& trained);
std::string merges_text(const TrainedBpe& trained);     // with the first line that its readers skip
std::string tokenizer_json(const TrainedBpe& trained);  // the whole pipeline
std::string tokenizer_config_json(const TrainedBpe& trained);

}  // namespace pliant
