#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "winograd.cpp"
#include <algorithm>
#include <cmath>
#include <cstring>

#include "hwy/foreach_target.h"
#include "machine/native/kernels/kernels.h"
//
#include "hwy/contrib/math/math-inl.h"
#include "machine/native/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

constexpr F32 d32;
constexpr float root2 = 1.41421356F, half_root = 0.707106781F;

// B^T x and A^T x along one axis, for tiles of `size` outputs; see winograd.h.
template <int size>
struct Axis;

template <>
struct Axis<2> {
  static HWY_INLINE void input(const V32 (&x)[4], V32 (&y)[4]) {
    y[0] = hn::Sub(x[0], x[2]);
    y[1] = hn::Add(x[1], x[2]);
    y[2] = hn::Sub(x[2], x[1]);
    y[3] = hn::Sub(x[1], x[3]);
  }
  static HWY_INLINE void output(const V32 (&x)[4], V32 (&y)[2]) {
    y[0] = hn::Add(hn::Add(x[0], x[1]), x[2]);
    y[1] = hn::Sub(hn::Sub(x[1], x[2]), x[3]);
  }
};

template <>
struct Axis<4> {
  static HWY_INLINE void input(const V32 (&x)[6], V32 (&y)[6]) {
    const V32 two = hn::Set(d32, 2), half = hn::Set(d32, 0.5F), middle = hn::Set(d32, 2.5F);
    const V32 even1 = hn::NegMulAdd(two, x[2], x[4]), even2 = hn::NegMulAdd(half, x[2], x[4]);
    const V32 odd1 = hn::Mul(hn::Set(d32, half_root), hn::NegMulAdd(two, x[1], x[3]));
    const V32 odd2 = hn::Mul(hn::Set(d32, root2), hn::NegMulAdd(half, x[1], x[3]));
    y[0] = hn::NegMulAdd(middle, x[2], hn::Add(x[0], x[4]));
    y[1] = hn::Add(even1, odd1);
    y[2] = hn::Sub(even1, odd1);
    y[3] = hn::Add(even2, odd2);
    y[4] = hn::Sub(even2, odd2);
    y[5] = hn::NegMulAdd(middle, x[3], hn::Add(x[1], x[5]));
  }
  static HWY_INLINE void output(const V32 (&x)[6], V32 (&y)[4]) {
    const V32 two = hn::Set(d32, 2), half = hn::Set(d32, 0.5F);
    const V32 sum1 = hn::Add(x[1], x[2]), sum2 = hn::Add(x[3], x[4]);
    const V32 difference1 = hn::Mul(hn::Set(d32, half_root), hn::Sub(x[1], x[2]));
    const V32 difference2 = hn::Mul(hn::Set(d32, root2), hn::Sub(x[3], x[4]));
    y[0] = hn::Add(hn::Add(x[0], sum1), sum2);
    y[1] = hn::Add(difference1, difference2);
    y[2] = hn::MulAdd(two, sum2, hn::Mul(half, sum1));
    y[3] = hn::Add(hn::MulAdd(two, difference2, hn::Mul(half, difference1)), x[5]);
  }
};

// phase[p][i] = line[i * size + p] for i < n; whole vectors are read and written.
template <int size, std::size_t room>
HWY_INLINE void split(const float* line, std::int64_t n, float (&phase)[size][room]) {
#if HWY_TARGET == HWY_SCALAR
  for (std::int64_t i = 0; i < n; ++i)
    for (int p = 0; p < size; ++p) phase[p][i] = line[i * size + p];
#else
  for (std::int64_t i = 0; i < n; i += lanes32) {
    V32 x[4];
    if constexpr (size == 2) hn::LoadInterleaved2(d32, line + 2 * i, x[0], x[1]);
    else hn::LoadInterleaved4(d32, line + 4 * i, x[0], x[1], x[2], x[3]);
    for (int p = 0; p < size; ++p) hn::StoreU(x[p], d32, phase[p] + i);
  }
#endif
}

// to[c * size + p] = x[p][c]
template <int size>
HWY_INLINE void join(const V32 (&x)[size], float* to) {
#if HWY_TARGET == HWY_SCALAR
  for (int p = 0; p < size; ++p) to[p] = hn::GetLane(x[p]);
#else
  if constexpr (size == 2) hn::StoreInterleaved2(x[0], x[1], d32, to);
  else hn::StoreInterleaved4(x[0], x[1], x[2], x[3], d32, to);
#endif
}

constexpr std::int64_t room = winograd_tiles + 2 * virtual_lanes;

// Input line `y` of the plane from column g.left, zeros outside. Whole vectors are written.
HWY_INLINE void bring_line(const WinogradInput& g, std::int64_t y, std::int64_t n, float* line) {
  const std::int64_t begin = std::clamp<std::int64_t>(-g.left, 0, n);
  const std::int64_t end =
      y < 0 || y >= g.height ? begin : std::clamp<std::int64_t>(g.width - g.left, begin, n);
  const float* x = g.x + y * g.width + g.left;
  for (std::int64_t i = 0; i < begin; i += lanes32) hn::StoreU(hn::Zero(d32), d32, line + i);
  std::int64_t i = begin;
  for (; i + lanes32 <= end; i += lanes32) hn::StoreU(hn::LoadU(d32, x + i), d32, line + i);
  if (i < end) hn::StoreU(load_part(x + i, end - i), d32, line + i);
  for (i = end; i < n; i += lanes32) hn::StoreU(hn::Zero(d32), d32, line + i);
}

// windows[i][j][t]: element (i, j) of the window of tile t. Tiles of all rows stand side by side,
// so that lines of few tiles fill vectors too; what is written beyond a row is overwritten by the
// next.
template <int size, int window>
HWY_INLINE void bring_windows(const WinogradInput& g, float (&windows)[window][window][room]) {
  // lines brought before they are read: stores take their time to reach the cache
  constexpr std::int64_t ahead = 4;
  HWY_ALIGN float line[ahead][4 * room], phase[size][room];
  const std::int64_t lines = g.rows * size + 2, n = g.columns * size + 2;
  const auto put = [&](std::int64_t row, std::int64_t i) HWY_ATTR {
    for (int j = 0; j < window; ++j)
      for (std::int64_t t = 0; t < g.columns; t += lanes32)
        hn::StoreU(hn::LoadU(d32, phase[j % size] + t + j / size), d32,
                   windows[i][j] + row * g.columns + t);
  };
  for (std::int64_t l = 0; l < std::min(ahead, lines); ++l) bring_line(g, g.top + l, n, line[l]);
  for (std::int64_t l = 0; l < lines; ++l) {
    split(line[l % ahead], g.columns + 1, phase);
    if (l + ahead < lines) bring_line(g, g.top + l + ahead, n, line[l % ahead]);
    const std::int64_t row = l / size, i = l % size;
    if (row < g.rows) put(row, i);
    if (i < 2 && row > 0) put(row - 1, i + size);
  }
}

template <int size>
void input(const WinogradInput& g) {
  constexpr int window = size + 2;
  HWY_ALIGN float windows[window][window][room];
  bring_windows<size>(g, windows);
  const std::int64_t tiles = g.rows * g.columns;
  for (std::int64_t t = 0; t < tiles; t += lanes32) {
    V32 x[window], y[window];
    for (int i = 0; i < window; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < window; ++j) x[j] = hn::LoadU(d32, windows[i][j] + t);
      Axis<size>::input(x, y);
#pragma GCC unroll 6
      for (int j = 0; j < window; ++j) hn::StoreU(y[j], d32, windows[i][j] + t);
    }
    for (int j = 0; j < window; ++j) {
#pragma GCC unroll 6
      for (int i = 0; i < window; ++i) x[i] = hn::LoadU(d32, windows[i][j] + t);
      Axis<size>::input(x, y);
#pragma GCC unroll 6
      for (int i = 0; i < window; ++i) {
        float* to = g.out + (i * window + j) * g.step + t;
        if (t + lanes32 <= tiles) hn::StoreU(y[i], d32, to);
        else store_part(y[i], to, tiles - t);
      }
    }
  }
}

// One vector of channels of one tile: lines of `size` outputs, of each channel in turn.
template <int size>
HWY_INLINE void tile_outputs(const float* products, std::int64_t step,
                             float (&lines)[size][size * lanes32]) {
  constexpr int window = size + 2;
  V32 down[size][window];
#pragma GCC unroll 6
  for (int j = 0; j < window; ++j) {
    V32 x[window], y[size];
#pragma GCC unroll 6
    for (int i = 0; i < window; ++i) x[i] = hn::LoadU(d32, products + (i * window + j) * step);
    Axis<size>::output(x, y);
#pragma GCC unroll 4
    for (int i = 0; i < size; ++i) down[i][j] = y[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < size; ++i) {
    V32 y[size];
    Axis<size>::output(down[i], y);
    join(y, lines[i]);
  }
}

template <int size>
void output(const WinogradOutput& g) {
  HWY_ALIGN float lines[size][size * lanes32];
  for (std::int64_t tile = 0; tile < g.rows * g.columns; ++tile) {
    const std::int64_t y = tile / g.columns * size, x = tile % g.columns * size;
    const std::int64_t high = std::min<std::int64_t>(size, g.height - y),
                       wide = std::min<std::int64_t>(size, g.width - x);
    for (std::int64_t c = 0; c < g.channels; c += lanes32) {
      tile_outputs<size>(g.products + tile * g.padded + c, g.step, lines);
      const std::int64_t channels = std::min<std::int64_t>(lanes32, g.channels - c);
      for (std::int64_t i = 0; i < high; ++i) {
        float* to = g.out + c * g.plane + (y + i) * g.pitch + x;
        if (wide == size)
          for (std::int64_t k = 0; k < channels; ++k)
            std::memcpy(to + k * g.plane, lines[i] + k * size, size * sizeof(float));
        else
          for (std::int64_t k = 0; k < channels; ++k)
            for (std::int64_t j = 0; j < wide; ++j) to[k * g.plane + j] = lines[i][k * size + j];
      }
    }
  }
}

const WinogradKernels* winograd_table() {
  static constexpr WinogradKernels table{input<2>, output<2>, input<4>, output<4>};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(winograd_table);
const WinogradKernels& winograd_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(winograd_table)[target_index(isa)]();
}
}  // namespace pliant::native
#endif
