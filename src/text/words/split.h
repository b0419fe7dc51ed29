// Pre-tokenisation: a text is cut into words before a model sees it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex/regex.h"

namespace pliant::text {

struct Word {  // bytes of Words::text
  std::size_t begin = 0, end = 0;
};

// Words in order; what lies between them is gone.
struct Words {
  std::string text;
  std::vector<Word> words;
  bool leading = true;  // the text stands at the beginning of what is encoded

  explicit Words(std::string whole);
  std::string_view view(const Word& word) const {
    return std::string_view(text).substr(word.begin, word.end - word.begin);
  }
};

class Splitter {  // immutable and thread-safe
 public:
  virtual ~Splitter() = default;
  virtual void apply(Words& words) const = 0;
};

using Splitters = std::vector<std::shared_ptr<const Splitter>>;

// What becomes of a match.
enum class SplitBehaviour : std::uint8_t {
  removed,
  isolated,
  merged_with_previous,
  merged_with_next,
  contiguous
};

std::shared_ptr<const Splitter> split_by(Regex pattern, SplitBehaviour behaviour,
                                         bool invert = false);
std::shared_ptr<const Splitter> split_by_text(std::string literal, SplitBehaviour behaviour,
                                              bool invert = false);
std::shared_ptr<const Splitter> split_digits(bool individual);
std::shared_ptr<const Splitter> split_punctuation(SplitBehaviour behaviour);
std::shared_ptr<const Splitter> split_white_space();  // at white space, which goes
std::shared_ptr<const Splitter> split_bert();         // the same, and punctuation alone

enum class PrefixScheme : std::uint8_t { always, first, never };
// Spaces become `mark`, one is put in front, and words begin at each (if `split`).
std::shared_ptr<const Splitter> split_metaspace(std::string mark, PrefixScheme scheme, bool split);
// Every word becomes characters of the byte alphabet (bytes.h).
std::shared_ptr<const Splitter> map_bytes();
std::shared_ptr<const Splitter> prefix_space();  // before each word that begins with no white space
// Words end before each "▁" that follows something else: for models of which no piece crosses such
// a place.
std::shared_ptr<const Splitter> split_at_marks();

bool is_bert_punctuation(char32_t code);

}  // namespace pliant::text
