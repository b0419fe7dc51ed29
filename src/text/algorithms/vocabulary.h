// The pieces of a tokenizer by id, and ids by piece.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/words/token.h"

namespace pliant::text {

inline constexpr std::int64_t max_pieces = 1 << 24;

struct PieceEntry {
  std::string piece{};
  float score = 0;
  TokenKind kind = TokenKind::normal;
};

class Vocabulary {  // immutable; movable, not copyable: the ids refer to the pieces
 public:
  Vocabulary() = default;
  // Ids are indices. Throws Error{format} for more than max_pieces, a score that is not finite, and
  // a piece with two ids, unless the second is unused.
  Vocabulary(std::vector<PieceEntry> entries, std::string_view place);
  Vocabulary(Vocabulary&&) noexcept = default;
  Vocabulary& operator=(Vocabulary&&) noexcept = default;
  Vocabulary(const Vocabulary&) = delete;

  TokenId size() const { return static_cast<TokenId>(entries_.size()); }
  const PieceEntry& operator[](TokenId id) const { return entries_[id]; }
  TokenId find(std::string_view piece) const {  // -1: none
    const auto at = ids_.find(piece);
    return at == ids_.end() ? -1 : at->second;
  }
  std::span<const PieceEntry> entries() const { return entries_; }

 private:
  std::vector<PieceEntry> entries_;
  std::unordered_map<std::string_view, TokenId> ids_;
};

// Ids of the pieces "<0x00>" to "<0xFF>"; throws Error{format} naming the first that is missing.
std::vector<TokenId> byte_ids(const Vocabulary& vocabulary, std::string_view place);
bool has_byte_pieces(const Vocabulary& vocabulary);  // all 256

}  // namespace pliant::text
