#include "eval/rouge.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pliant::eval {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool part = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    if (part && !inside) words.emplace_back();
    if (part) words.back() += small;
    inside = part;
  }
  return words;
}

// Of the longest common subsequence.
std::size_t common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t corner = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? corner + 1 : std::max(above, row[j]);
      corner = above;
    }
  }
  return row.back();
}

}  // namespace

Rouge rouge_l(std::string_view text, std::string_view reference) {
  const std::vector<std::string> ours = words_of(text), wanted = words_of(reference);
  const auto same = static_cast<double>(common(ours, wanted));
  if (same == 0) return {};
  const double precision = same / static_cast<double>(ours.size()),
               recall = same / static_cast<double>(wanted.size());
  return {precision, recall, 2 * precision * recall / (precision + recall)};
}

}  // namespace pliant::eval
