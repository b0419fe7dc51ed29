#include "text/words/trie.h"

#include <algorithm>

namespace pliant::text {

void Trie::add(std::string_view text, TokenId id) {
  if (!text.empty()) strings_.emplace_back(text, id);
}

// Level by level, so that the edges of a node lie together; no recursion, since pieces may be long.
void Trie::seal() {
  std::stable_sort(strings_.begin(), strings_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  strings_.erase(std::unique(strings_.begin(), strings_.end(),
                             [](const auto& a, const auto& b) { return a.first == b.first; }),
                 strings_.end());
  roots_.fill(-1);
  struct Open {
    std::int32_t node;
    std::size_t first, last, depth;  // the strings below the node share `depth` bytes
  };
  std::vector<Open> level;
  const auto make = [&](std::size_t first, std::size_t last, std::size_t depth,
                        std::vector<Open>& next) {
    const auto node = static_cast<std::int32_t>(nodes_.size());
    nodes_.emplace_back();
    next.push_back({node, first, last, depth});
    return node;
  };
  const auto each_byte = [&](std::size_t first, std::size_t last, std::size_t depth,
                             const auto& visit) {
    for (std::size_t at = first; at < last;) {
      const char byte = strings_[at].first[depth];
      std::size_t end = at;
      while (end < last && strings_[end].first[depth] == byte) ++end;
      visit(static_cast<unsigned char>(byte), at, end);
      at = end;
    }
  };
  each_byte(0, strings_.size(), 0, [&](unsigned char byte, std::size_t first, std::size_t last) {
    roots_[byte] = make(first, last, 1, level);
  });
  while (!level.empty()) {
    std::vector<Open> next;
    for (Open open : level) {
      if (strings_[open.first].first.size() == open.depth)
        nodes_[open.node].id = strings_[open.first++].second;
      const auto begin = static_cast<std::uint32_t>(edges_.size());
      each_byte(open.first, open.last, open.depth,
                [&](unsigned char byte, std::size_t first, std::size_t last) {
                  edges_.push_back({byte, make(first, last, open.depth + 1, next)});
                });
      Node& node = nodes_[open.node];
      node.first = begin;
      node.count = static_cast<std::uint32_t>(edges_.size()) - begin;
    }
    level = std::move(next);
  }
  strings_.clear();
  strings_.shrink_to_fit();
}

}  // namespace pliant::text
