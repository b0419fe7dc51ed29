#include "text/algorithms/vocabulary.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "text/words/bytes.h"

namespace pliant::text {

Vocabulary::Vocabulary(std::vector<PieceEntry> entries, std::string_view place)
    : entries_(std::move(entries)) {
  if (entries_.empty() || std::ssize(entries_) > max_pieces)
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("{} pieces, not 1 to {}", entries_.size(), max_pieces));
  ids_.reserve(entries_.size());
  for (std::size_t id = 0; id < entries_.size(); ++id) {
    if (!std::isfinite(entries_[id].score))
      throw Error(ErrorKind::format, std::string(place),
                  fmt::format("the score of piece {} is not finite", id));
    const auto [at, fresh] = ids_.emplace(entries_[id].piece, static_cast<TokenId>(id));
    if (!fresh && entries_[id].kind != TokenKind::unused)
      throw Error(
          ErrorKind::format, std::string(place),
          fmt::format("token '{}' has two ids, {} and {}", entries_[id].piece, at->second, id));
  }
}

std::vector<TokenId> byte_ids(const Vocabulary& vocabulary, std::string_view place) {
  std::vector<TokenId> ids;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string piece = byte_piece(static_cast<unsigned char>(byte));
    ids.push_back(vocabulary.find(piece));
    if (ids.back() < 0)
      throw Error(ErrorKind::format, std::string(place),
                  fmt::format("byte fallback without the piece '{}'", piece));
  }
  return ids;
}

bool has_byte_pieces(const Vocabulary& vocabulary) {
  for (int byte = 0; byte < 256; ++byte)
    if (vocabulary.find(byte_piece(static_cast<unsigned char>(byte))) < 0) return false;
  return true;
}

}  // namespace pliant::text
