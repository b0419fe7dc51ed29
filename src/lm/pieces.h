// Pieces of a prompt, of a model whose rows have `width` numbers.
#pragma once

#include <algorithm>

#include "lm/session.h"

namespace pliant::lm {

// Throws Error{invalid} naming the first id outside [0, vocabulary).
void check_ids(std::span<const TokenId> tokens, std::int64_t vocabulary);
// Throws Error{invalid} for what Session::feed() refuses.
void check_piece(const Piece& piece, std::int64_t width, std::int64_t vocabulary);

std::int64_t rows_in(const Piece& piece, std::int64_t width);
std::int64_t rows_in(std::span<const Piece> pieces, std::int64_t width);
// rows [first, first + n)
Piece cut(const Piece& piece, std::int64_t first, std::int64_t n, std::int64_t width);

// visit(row, part) for the parts that the rows [first, first + n) of all pieces together lie in.
template <typename Visit>
void each_part(std::span<const Piece> pieces, std::int64_t width, std::int64_t first,
               std::int64_t n, const Visit& visit) {
  std::int64_t row = 0;  // of all
  for (const Piece& piece : pieces) {
    const std::int64_t count = rows_in(piece, width), from = std::max(first, row),
                       to = std::min(first + n, row + count);
    if (from < to) visit(from - first, cut(piece, from - row, to - from, width));
    row += count;
  }
}

}  // namespace pliant::lm
