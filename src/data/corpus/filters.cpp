#include "data/corpus/filters.h"

#include <cctype>

#include "core/utf8.h"
#include "text/unicode/unicode.h"

namespace pliant::data {
namespace {

constexpr char32_t capital_i_with_dot = 0x130;  // the one letter whose lower case is two characters

bool is_punctuation(char32_t code) { return code < 0x80 && std::ispunct(static_cast<int>(code)); }

}  // namespace

FilterOptions openelm_filters() {
  return {.piece_words = 2048, .min_characters = 200, .min_tokens = 256};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

std::int64_t normalised_length(std::string_view text) {
  std::int64_t length = 0;
  bool gap = false;  // blanks since the last character that counts
  while (!text.empty()) {
    const Utf8Character first = first_character(text);
    text.remove_prefix(first.length);
    if (is_punctuation(first.code)) continue;
    if (text::is_white_space(first.code)) {
      gap = true;
      continue;
    }
    length += (gap && length > 0 ? 1 : 0) + (first.code == capital_i_with_dot ? 2 : 1);
    gap = false;
  }
  return length;
}

std::vector<std::string_view> pieces_of(std::string_view text, std::int64_t words) {
  std::vector<std::string_view> pieces;
  std::size_t from = 0;
  std::int64_t spaces = 0;
  for (std::size_t at = text.find(' '); words > 0 && at != std::string_view::npos;
       at = text.find(' ', at + 1)) {
    if (++spaces < words) continue;
    pieces.push_back(text.substr(from, at - from));
    from = at + 1;
    spaces = 0;
  }
  pieces.push_back(text.substr(from));
  return pieces;
}

}  // namespace pliant::data
