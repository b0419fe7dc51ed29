#include "lm/decode/token_trie.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace pliant::lm {
namespace {

constexpr std::size_t longest_token = 4096;

bool adds_text(TokenKind kind) {
  return kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::byte;
}

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer)
    : end_tokens_(tokenizer.special().end_of_generation) {
  const TokenId size = tokenizer.size();
  std::erase_if(end_tokens_, [&](TokenId id) { return id < 0 || id >= size; });
  std::sort(end_tokens_.begin(), end_tokens_.end());
  offsets_.reserve(static_cast<std::size_t>(size) + 1);
  offsets_.push_back(0);
  for (TokenId id = 0; id < size; ++id) {
    if (adds_text(tokenizer.kind(id)) && !ends(id)) {
      const std::string bytes = tokenizer.bytes(id);
      if (bytes.size() <= longest_token) text_ += bytes;
    }
    if (text_.size() >= std::numeric_limits<std::uint32_t>::max())
      throw Error(ErrorKind::capacity, "vocabulary", "its tokens hold 4 GiB of text or more");
    offsets_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
  build();
}

std::string_view TokenTrie::bytes(TokenId id) const {
  const std::uint32_t from = offsets_[id], to = offsets_[id + 1];
  return std::string_view(text_).substr(from, to - from);
}

bool TokenTrie::ends(TokenId id) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), id);
}

void TokenTrie::build() {
  for (TokenId id = 0; id < size(); ++id)
    if (!bytes(id).empty()) ids_.push_back(id);
  std::sort(ids_.begin(), ids_.end(), [&](TokenId a, TokenId b) {
    const int order = bytes(a).compare(bytes(b));
    return order < 0 || (order == 0 && a < b);
  });
  std::vector<std::size_t> path;  // the nodes from the root to the token before
  std::string_view before;
  const auto close = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
  };
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const std::string_view text = bytes(ids_[i]);
    const auto [left, right] =
        std::mismatch(before.begin(), before.end(), text.begin(), text.end());
    close(right - text.begin());
    while (path.size() < text.size()) {
      path.push_back(nodes_.size());
      nodes_.push_back({.end = 0,
                        .first = static_cast<std::uint32_t>(i),
                        .depth = static_cast<std::uint16_t>(path.size() - 1),
                        .byte = static_cast<std::uint8_t>(text[path.size() - 1])});
    }
    depth_ = std::max(depth_, text.size());
    before = text;
  }
  close(0);
  nodes_.push_back({.end = static_cast<std::uint32_t>(nodes_.size()),
                    .first = static_cast<std::uint32_t>(ids_.size())});
}

}  // namespace pliant::lm
