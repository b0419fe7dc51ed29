// Byte strings with ids, found by their beginnings.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/words/token.h"

namespace pliant::text {

class Trie {
 public:
  struct Found {
    std::size_t size;  // of the string, in bytes
    TokenId id;
  };
  // empty ones are left out; of equal ones the first stays
  void add(std::string_view text, TokenId id);
  void seal();  // before the first search
  bool empty() const { return strings_.empty() && nodes_.empty(); }

  // The longest string that `text` begins with.
  std::optional<Found> longest(std::string_view text) const {
    std::optional<Found> best;
    each(text, [&](const Found& found) { best = found; });
    return best;
  }
  // Calls visit(Found) for every string that `text` begins with, the shortest first.
  template <typename Visit>
  void each(std::string_view text, const Visit& visit) const {
    if (text.empty() || nodes_.empty()) return;
    std::int32_t node = roots_[static_cast<unsigned char>(text[0])];
    for (std::size_t size = 1; node >= 0; ++size) {
      const Node& here = nodes_[node];
      if (here.id >= 0) visit(Found{size, here.id});
      if (size == text.size()) return;
      node = step(here, text[size]);
    }
  }
  bool begins(char c) const {
    return !nodes_.empty() && roots_[static_cast<unsigned char>(c)] >= 0;
  }

 private:
  struct Node {
    TokenId id = -1;
    std::uint32_t first = 0, count = 0;  // edges, sorted by byte
  };
  struct Edge {
    unsigned char byte;
    std::int32_t node;
  };
  std::int32_t step(const Node& node, char c) const {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t low = node.first, high = node.first + node.count;
    while (low < high) {
      const std::uint32_t middle = (low + high) / 2;
      if (edges_[middle].byte < byte) low = middle + 1;
      else high = middle;
    }
    return low < node.first + node.count && edges_[low].byte == byte ? edges_[low].node : -1;
  }

  std::vector<std::pair<std::string, TokenId>> strings_;  // until sealed
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::array<std::int32_t, 256> roots_{};
};

}  // namespace pliant::text
