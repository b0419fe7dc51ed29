// The panel of a matrix product's right-hand side that is packed on the stack before it is used
// many times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/checked.h"
#include "machine/native/encoded/encoded.h"

namespace pliant::native {

inline constexpr std::int64_t panel_floats = 32768;  // 128 KiB: half of the stack a kernel may use

// Columns of a panel for a product of n columns: a multiple of 48 (three vectors of 16, six of 8),
// evenly spread.
inline std::int64_t panel_columns(std::int64_t n) {
  constexpr std::int64_t most = 192;
  if (n <= most) return std::max<std::int64_t>(n, 1);
  return round_up(ceil_div(n, ceil_div(n, most)), 48);
}

// The same where the rows of b are `encoded` along k, in blocks of so many elements: then a panel
// is narrow enough for its depth to hold a block.
inline std::int64_t panel_columns(std::int64_t n, std::int64_t block) {
  return block <= 32 ? panel_columns(n) : std::min<std::int64_t>(panel_columns(n), 96);
}

// Rows of the left-hand side that one task takes: all, unless there are too few panels to keep the
// threads busy, for each strip packs its panel anew.
inline std::int64_t strip_rows(std::int64_t m, std::int64_t panels, int threads) {
  if (threads == 1 || panels >= 3 * threads) return std::max<std::int64_t>(m, 1);
  const std::int64_t strips = ceil_div(3 * threads, std::max<std::int64_t>(panels, 1));
  return std::max<std::int64_t>(32, round_up(ceil_div(m, strips), 8));
}

// panel[p * round_up(n, 16) + j] = b[p * b_k + j * b_n], zeros beyond column n.
inline void pack(const float* b, std::int64_t b_k, std::int64_t b_n, std::int64_t k, std::int64_t n,
                 float* panel) {
  const std::int64_t columns = round_up(n, 16);
  for (std::int64_t p = 0; p < k; ++p)
    std::memset(panel + p * columns + n, 0, (columns - n) * sizeof(float));
  if (b_n == 1) {
    for (std::int64_t p = 0; p < k; ++p)
      std::memcpy(panel + p * columns, b + p * b_k, n * sizeof(float));
    return;
  }
  // Few rows of b at a time, along k: each is a stream, and rows a power of two apart do not evict
  // each other.
  constexpr std::int64_t rows = 8, tile = 16;
  for (std::int64_t j0 = 0; j0 < n; j0 += rows)
    for (std::int64_t p0 = 0; p0 < k; p0 += tile)
      for (std::int64_t j = j0; j < std::min(j0 + rows, n); ++j)
        for (std::int64_t p = p0; p < std::min(p0 + tile, k); ++p)
          panel[p * columns + j] = b[p * b_k + j * b_n];
}

// As pack() of f32 rows that follow each other, decoded: `row_bytes` from one to the next, k whole
// blocks and at most deepest_decoded.
inline constexpr std::int64_t deepest_decoded = 512;
inline void pack_encoded(const EncodedKernels& kernels, Encoding encoding, const std::byte* b,
                         std::int64_t row_bytes, std::int64_t k, std::int64_t n, float* panel) {
  constexpr std::int64_t rows = 8;
  float decoded[rows * deepest_decoded];
  const std::int64_t columns = round_up(n, 16);
  for (std::int64_t p = 0; p < k; ++p)
    std::memset(panel + p * columns + n, 0, (columns - n) * sizeof(float));
  for (std::int64_t j0 = 0; j0 < n; j0 += rows) {
    const std::int64_t here = std::min(rows, n - j0);
    for (std::int64_t j = 0; j < here; ++j)
      kernels.decode(encoding, b + (j0 + j) * row_bytes, k, decoded + j * k);
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t j = 0; j < here; ++j) panel[p * columns + j0 + j] = decoded[j * k + p];
  }
}

}  // namespace pliant::native
