// The normalisation table of SentencePiece models: a double-array trie of sources, and their
// replacements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::text {

class Charsmap {  // immutable and thread-safe
 public:
  Charsmap() = default;
  // `blob`: the trie's size in bytes, the trie, the replacements each ended by a zero byte. Throws
  // Error{format}.
  Charsmap(std::string_view blob, std::string_view place);

  struct Found {
    std::size_t size;  // bytes of the text that are replaced
    std::string_view replacement;
  };
  // the longest source that `text` begins with
  std::optional<Found> longest(std::string_view text) const;
  bool empty() const { return units_.empty(); }
  const std::string& blob() const { return blob_; }

 private:
  std::string blob_;
  std::vector<std::uint32_t> units_;
  std::size_t strings_ = 0;  // where the replacements begin in the blob
};

}  // namespace pliant::text
