#include "text/words/added.h"

#include <algorithm>

#include "text/unicode/unicode.h"

namespace pliant::text {
namespace {

char32_t last_char(std::string_view text) {
  for (std::size_t size = std::min<std::size_t>(4, text.size()); size > 1; --size) {
    const Char last = first_char(text.substr(text.size() - size));
    if (last.size == size) return last.code;
  }
  return first_char(text.substr(text.size() - 1)).code;
}

}  // namespace

AddedFinder::AddedFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) trie_.add(tokens_[i].content, i);
  trie_.seal();
}

const AddedToken* AddedFinder::at(std::string_view text, std::size_t begin,
                                  bool parse_special) const {
  if (!trie_.begins(text[begin])) return nullptr;
  const AddedToken* best = nullptr;
  trie_.each(text.substr(begin), [&](const Trie::Found& found) {
    const AddedToken& token = tokens_[found.id];
    if (token.special && !parse_special) return;
    const std::size_t end = begin + found.size;
    const bool word_before =
        token.single_word && begin > 0 && is_word(last_char(text.substr(0, begin)));
    const bool word_after =
        token.single_word && end < text.size() && is_word(first_char(text.substr(end)).code);
    if (!word_before && !word_after) best = &token;
  });
  return best;
}

std::vector<Segment> AddedFinder::split(std::string_view text, bool parse_special) const {
  std::vector<Segment> segments;
  std::size_t open = 0;  // where plain text begins
  for (std::size_t i = 0; i < text.size() && !empty();) {
    const AddedToken* token = at(text, i, parse_special);
    if (token == nullptr) {
      ++i;
      continue;
    }
    std::size_t begin = i, end = i + token->content.size();
    if (token->strip_left)
      while (begin > open && is_white_space(last_char(text.substr(0, begin))))
        begin -= size_of(last_char(text.substr(0, begin)));
    if (token->strip_right)
      while (end < text.size() && is_white_space(first_char(text.substr(end)).code))
        end += first_char(text.substr(end)).size;
    if (begin > open) segments.push_back({text.substr(open, begin - open)});
    segments.push_back({text.substr(begin, end - begin), token->id});
    open = i = end;
  }
  if (open < text.size()) segments.push_back({text.substr(open)});
  return segments;
}

}  // namespace pliant::text
