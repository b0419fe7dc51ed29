#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gemm.cpp"
#include <algorithm>
#include <cstring>

#include "hwy/foreach_target.h"
#include "machine/native/kernels/kernels.h"
//
#include "hwy/cache_control.h"
#include "hwy/contrib/math/math-inl.h"
#include "machine/native/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

// Rows of the register tile: with three vectors of columns it fills 32 registers, or 16.
constexpr int tile_rows = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 4;
constexpr int tile_vectors = 3;

// Row p of b is at b + p * b_k, or at b + b_rows[p].
template <int rows, int vectors, bool listed>
HWY_INLINE void multiply(const float* HWY_RESTRICT a, std::int64_t a_m, std::int64_t a_k,
                         const float* HWY_RESTRICT b, std::int64_t b_k, const std::int64_t* b_rows,
                         std::int64_t k, V32 (&sum)[rows][vectors]) {
  const F32 d;
  for (std::int64_t p = 0; p < k; ++p, a += a_k, b += listed ? 0 : b_k) {
    const float* HWY_RESTRICT row = listed ? b + b_rows[p] : b;
    V32 column[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) column[v] = hn::LoadU(d, row + v * lanes32);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const V32 weight = hn::Set(d, a[r * a_m]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = hn::MulAdd(weight, column[v], sum[r][v]);
    }
  }
}

// A full register tile; its last vector may be partly outside of c (`last` columns are inside).
template <int rows, int vectors, bool listed>
void tile(const GemmBlock& g, const float* a, const float* b, float* c, std::int64_t last) {
  const F32 d;
  V32 sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  if (!g.first) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const float* p = c + r * g.c_m + v * lanes32;
        sum[r][v] = v + 1 < vectors || last == lanes32 ? hn::LoadU(d, p) : load_part(p, last);
      }
    }
  }
  multiply<rows, vectors, listed>(a, g.a_m, g.a_k, b, g.b_k, g.b_rows, g.k, sum);
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* p = c + r * g.c_m + v * lanes32;
      if (v + 1 < vectors || last == lanes32) hn::StoreU(sum[r][v], d, p);
      else store_part(sum[r][v], p, last);
    }
  }
}

using Tile = void (*)(const GemmBlock&, const float*, const float*, float*, std::int64_t);

template <bool listed, int vectors, int rows = tile_rows>
constexpr Tile tile_of(int wanted) {
  if constexpr (rows > 1) {
    if (wanted < rows) return tile_of<listed, vectors, rows - 1>(wanted);
  }
  return tile<rows, vectors, listed>;
}

template <bool listed>
Tile choose_tile(int rows, int vectors) {
  return vectors == 3   ? tile_of<listed, 3>(rows)
         : vectors == 2 ? tile_of<listed, 2>(rows)
                        : tile_of<listed, 1>(rows);
}

const float* row_of_a(const GemmBlock& g, std::int64_t i) {
  return g.a_strip == 0 ? g.a + i * g.a_m
                        : g.a + i / strip_height * g.a_strip + i % strip_height * g.a_m;
}

std::int64_t row_of_b(const GemmBlock& g, std::int64_t p) {
  return g.b_rows == nullptr ? p * g.b_k : g.b_rows[p];
}

// One column at a time, for columns that cannot be read as a vector; the order of the sum is the
// same.
void columns(const GemmBlock& g, std::int64_t from) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    for (std::int64_t j = from; j < g.n; ++j) {
      const hn::CappedTag<float, 1> one;
      auto sum = hn::Set(one, g.first ? 0.0f : g.c[i * g.c_m + j]);
      for (std::int64_t p = 0; p < g.k; ++p)
        sum = hn::MulAdd(hn::Set(one, row_of_a(g, i)[p * g.a_k]),
                         hn::Set(one, g.b[row_of_b(g, p) + j]), sum);
      g.c[i * g.c_m + j] = hn::GetLane(sum);
    }
  }
}

// Rows a page apart share a set of the first cache: they are copied side by side when that pays.
constexpr std::int64_t deepest_copy = 768;

bool rows_collide(const GemmBlock& g) {
  return g.a_k == 1 && g.a_m % 1024 == 0 && g.n >= 48 && g.k <= deepest_copy;
}

void copy_rows(const float* a, std::int64_t a_m, std::int64_t rows, std::int64_t k, float* to) {
  constexpr std::int64_t line = 16;
  for (std::int64_t p0 = 0; p0 < k; p0 += line)
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t p = p0; p < std::min(p0 + line, k); ++p) to[p * rows + r] = a[r * a_m + p];
}

// Asks for the rows of the next tile while this one is computed.
void prefetch_rows(const GemmBlock& g, std::int64_t from) {
  if (g.a_k != 1 || g.a_strip != 0) return;
  for (std::int64_t i = from; i < std::min<std::int64_t>(from + tile_rows, g.m); ++i)
    for (std::int64_t p = 0; p < g.k; p += 16) hwy::Prefetch(g.a + i * g.a_m + p);
}

// Rows of a tile such that the last is about as tall as the others.
std::int64_t even_rows(std::int64_t m) {
  const std::int64_t tiles = (m + tile_rows - 1) / tile_rows;
  return tiles == 0 ? tile_rows : (m + tiles - 1) / tiles;
}

void block(const GemmBlock& whole) {
  GemmBlock g = whole;
  HWY_ALIGN float copied[tile_rows * deepest_copy];
  const bool copies = rows_collide(whole);
  const std::int64_t readable = g.padded ? g.n : g.n / lanes32 * lanes32;
  // strips hold a whole number of tiles
  const std::int64_t tall = whole.a_strip == 0 ? even_rows(g.m) : tile_rows;
  for (std::int64_t i = 0; i < g.m; i += tall) {
    const int rows = std::min(tall, g.m - i);
    const float* a = row_of_a(whole, i);
    if (copies) {
      copy_rows(a, whole.a_m, rows, g.k, copied);
      a = copied;
      g.a_m = 1;
      g.a_k = rows;
    } else {
      prefetch_rows(g, i + tall);
    }
    std::int64_t left = (readable + lanes32 - 1) / lanes32;  // vectors
    for (std::int64_t j = 0; left > 0;) {
      // 4 = 2 + 2 rather than 3 + 1
      const int vectors = left == 4 ? 2 : std::min<std::int64_t>(left, tile_vectors);
      const std::int64_t last = std::min(readable - j - (vectors - 1) * lanes32, lanes32);
      (g.b_rows == nullptr ? choose_tile<false> : choose_tile<true>)(rows, vectors)(
          g, a, g.b + j, g.c + i * g.c_m + j, last);
      left -= vectors;
      j += vectors * lanes32;
    }
  }
  if (readable < g.n) columns(whole, readable);
}

constexpr int dot_vectors = virtual_lanes / lanes32;

template <int count>
HWY_INLINE void dot_group(const float* a, const float* b, std::int64_t b_row, std::int64_t k,
                          float* out) {
  const F32 d;
  V32 sum[count][dot_vectors];
#pragma GCC unroll 16
  for (int j = 0; j < count; ++j) {
#pragma GCC unroll 16
    for (int v = 0; v < dot_vectors; ++v) sum[j][v] = hn::Zero(d);
  }
  std::int64_t p = 0;
  for (; p + virtual_lanes <= k; p += virtual_lanes) {
#pragma GCC unroll 16
    for (int v = 0; v < dot_vectors; ++v) {
      const V32 x = hn::LoadU(d, a + p + v * lanes32);
#pragma GCC unroll 16
      for (int j = 0; j < count; ++j)
        sum[j][v] = hn::MulAdd(x, hn::LoadU(d, b + j * b_row + p + v * lanes32), sum[j][v]);
    }
  }
  if (p < k) {
    HWY_ALIGN float x[virtual_lanes] = {}, y[virtual_lanes] = {};
    std::memcpy(x, a + p, (k - p) * sizeof(float));
    for (int j = 0; j < count; ++j) {
      std::memcpy(y, b + j * b_row + p, (k - p) * sizeof(float));
      for (int v = 0; v < dot_vectors; ++v)
        sum[j][v] =
            hn::MulAdd(hn::Load(d, x + v * lanes32), hn::Load(d, y + v * lanes32), sum[j][v]);
    }
  }
  for (int j = 0; j < count; ++j) out[j] = fold<Added>(F32(), sum[j]);
}

void dots(const float* a, const float* b, std::int64_t b_row, std::int64_t k, std::int64_t count,
          float* out) {
  constexpr int group = lanes32 >= 16 ? 8 : lanes32 >= 8 ? 4 : 2;
  std::int64_t j = 0;
  for (; j + group <= count; j += group) dot_group<group>(a, b + j * b_row, b_row, k, out + j);
  for (; j < count; ++j) dot_group<1>(a, b + j * b_row, b_row, k, out + j);
}

const GemmKernels* gemm_table() {
  static constexpr GemmKernels table{block, dots, static_cast<int>(lanes32)};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(gemm_table);
const GemmKernels& gemm_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(gemm_table)[target_index(isa)]();
}
}  // namespace pliant::native
#endif
