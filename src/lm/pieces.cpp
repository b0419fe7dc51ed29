#include "lm/pieces.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::lm {

void check_ids(std::span<const TokenId> tokens, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= vocabulary)
      throw Error(ErrorKind::invalid, fmt::format("token {}", i),
                  fmt::format("id {} is outside the vocabulary, [0, {})", tokens[i], vocabulary));
}

void check_piece(const Piece& piece, std::int64_t width, std::int64_t vocabulary) {
  const auto fail = [](std::string problem) {
    throw Error(ErrorKind::invalid, "piece", std::move(problem));
  };
  const std::int64_t count = rows_in(piece, width);
  if (std::ssize(piece.rows) % width != 0)
    fail(fmt::format("{} elements are no rows of {}", piece.rows.size(), width));
  if (!piece.tags.empty() && std::ssize(piece.tags) != count)
    fail(fmt::format("{} tags for {} rows", piece.tags.size(), count));
  if (piece.rows.empty()) return check_ids(piece.tokens, vocabulary);
  if (!piece.tokens.empty() && std::ssize(piece.tokens) != count)
    fail(fmt::format("{} names for {} rows", piece.tokens.size(), count));
  for (const TokenId name : piece.tokens)
    if (name >= 0) fail(fmt::format("a row is named {}, below 0 expected", name));
}

std::int64_t rows_in(const Piece& piece, std::int64_t width) {
  return piece.rows.empty() ? std::ssize(piece.tokens) : std::ssize(piece.rows) / width;
}

std::int64_t rows_in(std::span<const Piece> pieces, std::int64_t width) {
  std::int64_t count = 0;
  for (const Piece& each : pieces) count += rows_in(each, width);
  return count;
}

Piece cut(const Piece& piece, std::int64_t first, std::int64_t n, std::int64_t width) {
  Piece part;
  if (!piece.tokens.empty()) part.tokens = piece.tokens.subspan(first, n);
  if (!piece.rows.empty()) part.rows = piece.rows.subspan(first * width, n * width);
  if (!piece.tags.empty()) part.tags = piece.tags.subspan(first, n);
  return part;
}

}  // namespace pliant::lm
