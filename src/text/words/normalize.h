// What a text goes through before it is cut into words.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/regex/regex.h"
#include "text/unicode/unicode.h"
#include "text/words/charsmap.h"

namespace pliant::text {

class Normalizer {  // immutable and thread-safe
 public:
  virtual ~Normalizer() = default;
  virtual std::string apply(std::string text) const = 0;
};

using Normalizers = std::vector<std::shared_ptr<const Normalizer>>;

std::shared_ptr<const Normalizer> normalize_sequence(Normalizers steps);
std::shared_ptr<const Normalizer> normalize_form(NormalForm form);
std::shared_ptr<const Normalizer> normalize_lower_case();
// to texts that are not empty
std::shared_ptr<const Normalizer> normalize_prepend(std::string prefix);
std::shared_ptr<const Normalizer> normalize_replace(std::string from, std::string to);
std::shared_ptr<const Normalizer> normalize_replace(Regex from, std::string to);
std::shared_ptr<const Normalizer> normalize_strip(bool left, bool right);  // white space
std::shared_ptr<const Normalizer> normalize_strip_accents();               // marks without width
std::shared_ptr<const Normalizer> normalize_charsmap(Charsmap map);
// control characters go, odd white space becomes spaces
std::shared_ptr<const Normalizer> normalize_nmt();
// every byte becomes its character of the byte alphabet
std::shared_ptr<const Normalizer> normalize_bytes();

struct BertNormalization {
  bool clean = true, chinese = true, lower = true, strip_accents = true;
};
std::shared_ptr<const Normalizer> normalize_bert(const BertNormalization& options);

struct SentencePieceNormalization {
  bool dummy_prefix = true, remove_extra_spaces = true, escape_spaces = true, suffix = false;
};
// `kept`: pieces that stand in the text as they are.
std::shared_ptr<const Normalizer> normalize_sentencepiece(
    Charsmap map, std::vector<std::string> kept, const SentencePieceNormalization& options);

}  // namespace pliant::text
