#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taps.cpp"
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

struct Weighted {
  const float* weights;
  static constexpr bool resumes = false;
  HWY_INLINE V32 take(std::int64_t t, V32 x, V32 sum) const {
    return hn::MulAdd(hn::Set(d32, weights[t]), x, sum);
  }
};

struct Maximum {
  static constexpr bool resumes = true;
  HWY_INLINE V32 take(std::int64_t, V32 x, V32 sum) const {
    return hn::IfThenElse(hn::Gt(x, sum), x, sum);
  }
};

struct Sum {
  static constexpr bool resumes = true;
  HWY_INLINE V32 take(std::int64_t, V32 x, V32 sum) const { return hn::Add(sum, x); }
};

template <typename Fold>
HWY_INLINE void fold_taps(const Fold& fold, const float* const* taps, std::int64_t count,
                          float* out, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + 2 * lanes32 <= n; j += 2 * lanes32) {  // two vectors hide the latency of the sum
    V32 low = Fold::resumes ? hn::LoadU(d32, out + j) : hn::Zero(d32);
    V32 high = Fold::resumes ? hn::LoadU(d32, out + j + lanes32) : hn::Zero(d32);
    for (std::int64_t t = 0; t < count; ++t) {
      low = fold.take(t, hn::LoadU(d32, taps[t] + j), low);
      high = fold.take(t, hn::LoadU(d32, taps[t] + j + lanes32), high);
    }
    hn::StoreU(low, d32, out + j);
    hn::StoreU(high, d32, out + j + lanes32);
  }
  for (; j < n; j += lanes32) {
    const bool whole = j + lanes32 <= n;
    V32 sum = hn::Zero(d32);
    if (Fold::resumes) sum = whole ? hn::LoadU(d32, out + j) : load_part(out + j, n - j);
    for (std::int64_t t = 0; t < count; ++t)
      sum = fold.take(t, whole ? hn::LoadU(d32, taps[t] + j) : load_part(taps[t] + j, n - j), sum);
    if (whole) hn::StoreU(sum, d32, out + j);
    else store_part(sum, out + j, n - j);
  }
}

void weighted(const float* const* taps, const float* weights, std::int64_t count, float* out,
              std::int64_t n) {
  fold_taps(Weighted{weights}, taps, count, out, n);
}
void maximum(const float* const* taps, std::int64_t count, float* out, std::int64_t n) {
  fold_taps(Maximum{}, taps, count, out, n);
}
void sum(const float* const* taps, std::int64_t count, float* out, std::int64_t n) {
  fold_taps(Sum{}, taps, count, out, n);
}

// Lines of outputs, `count` taps > 0 known when compiled: their weights stay in registers.
template <int count>
struct LineWeights {
  static constexpr int taps = count;
  V32 weights[count];
  explicit HWY_INLINE LineWeights(const float* w) {
#pragma GCC unroll 9
    for (int t = 0; t < count; ++t) weights[t] = hn::Set(d32, w[t]);
  }
  HWY_INLINE V32 take(std::int64_t t, V32 x, V32 sum) const {
    return hn::MulAdd(weights[t], x, sum);
  }
};
struct AnyWeights : Weighted {
  static constexpr int taps = 0;
};
template <typename Fold, int count>
struct Counted : Fold {
  static constexpr int taps = count;
};

template <int vectors, typename Fold>
HWY_INLINE void fold_at(const Fold& fold, const TapLines& g, const float* from, V32 start,
                        float* out) {
  V32 sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = start;
  const std::int64_t taps = Fold::taps > 0 ? Fold::taps : g.taps;
#pragma GCC unroll 9
  for (std::int64_t t = 0; t < taps; ++t) {
    const float* at = from + g.offsets[t];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      sum[v] = fold.take(t, hn::LoadU(d32, at + v * lanes32), sum[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) hn::StoreU(sum[v], d32, out + v * lanes32);
}

// Whole vectors are stored, beyond the end of a line too: the next line overwrites that. At the end
// there are parts.
template <typename Fold>
HWY_INLINE void fold_lines(const Fold& fold, const TapLines& g, V32 start) {
  for (std::int64_t line = 0; line < g.lines; ++line) {
    const float* from = g.from + line * g.step;
    float* out = g.out + line * g.width;
    const std::int64_t inside = (g.lines - line) * g.width;  // of what may be written
    for (std::int64_t j = 0; j < g.width;) {
      const std::int64_t left = (g.width - j + lanes32 - 1) / lanes32, fit = (inside - j) / lanes32;
      const std::int64_t vectors = std::min<std::int64_t>(std::min(left, fit), 4);
      switch (vectors) {
        case 4: fold_at<4>(fold, g, from + j, start, out + j); break;
        case 3: fold_at<3>(fold, g, from + j, start, out + j); break;
        case 2: fold_at<2>(fold, g, from + j, start, out + j); break;
        case 1: fold_at<1>(fold, g, from + j, start, out + j); break;
        default: {  // near the end: no more than the line
          HWY_ALIGN float part[lanes32];
          fold_at<1>(fold, g, from + j, start, part);
          store_part(hn::Load(d32, part), out + j, g.width - j);
        }
      }
      j += std::max<std::int64_t>(vectors, 1) * lanes32;
    }
  }
}

template <typename Fold>
void choose_lines(const TapLines& g, V32 start) {
  switch (g.taps) {
    case 4: return fold_lines(Counted<Fold, 4>{}, g, start);
    case 9: return fold_lines(Counted<Fold, 9>{}, g, start);
    default: return fold_lines(Counted<Fold, 0>{}, g, start);
  }
}

// Two lines of a 3x3 window that moves by one line: the second reads two of the first one's three
// input lines.
template <int vectors>
HWY_INLINE void fold_two(const LineWeights<9>& fold, const TapLines& g, const float* from,
                         float* out, std::int64_t part) {
  V32 sum[2][vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) sum[0][v] = sum[1][v] = hn::Zero(d32);
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) {
#pragma GCC unroll 3
    for (int tap = 0; tap < 3; ++tap) {
      const float* at = from + row * g.step + g.offsets[tap];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        const V32 x = hn::LoadU(d32, at + v * lanes32);
        if (row < 3) sum[0][v] = fold.take(3 * row + tap, x, sum[0][v]);
        if (row > 0) sum[1][v] = fold.take(3 * row - 3 + tap, x, sum[1][v]);
      }
    }
  }
#pragma GCC unroll 2
  for (int line = 0; line < 2; ++line) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      float* to = out + line * g.width + v * lanes32;
      if (part > 0) store_part(sum[line][v], to, part);
      else hn::StoreU(sum[line][v], d32, to);
    }
  }
}

void fold_pairs(const LineWeights<9>& fold, const TapLines& g) {
  std::int64_t line = 0;
  for (; line + 2 <= g.lines; line += 2) {
    const float* from = g.from + line * g.step;
    float* out = g.out + line * g.width;
    std::int64_t j = 0;
    for (; j + 2 * lanes32 <= g.width; j += 2 * lanes32) fold_two<2>(fold, g, from + j, out + j, 0);
    for (; j < g.width; j += lanes32)
      fold_two<1>(fold, g, from + j, out + j, j + lanes32 <= g.width ? 0 : g.width - j);
  }
  if (line == g.lines) return;
  TapLines last = g;
  last.from += line * g.step;
  last.out += line * g.width;
  last.lines = 1;
  fold_lines(fold, last, hn::Zero(d32));
}

void weighted_lines(const TapLines& g, const float* weights) {
  const std::int64_t* at = g.offsets;
  if (g.taps == 9 && at[3] == at[0] + g.step && at[6] == at[3] + g.step)
    return fold_pairs(LineWeights<9>(weights), g);
  if (g.taps == 9) return fold_lines(LineWeights<9>(weights), g, hn::Zero(d32));
  fold_lines(AnyWeights{{weights}}, g, hn::Zero(d32));
}
void maximum_lines(const TapLines& g) { choose_lines<Maximum>(g, hn::Set(d32, -HUGE_VALF)); }
void sum_lines(const TapLines& g) { choose_lines<Sum>(g, hn::Zero(d32)); }

HWY_INLINE void fill(float* to, std::int64_t n, V32 filling) {
  for (std::int64_t i = 0; i < n; i += lanes32) hn::StoreU(filling, d32, to + i);
}

HWY_INLINE void bring_run(const float* x, std::int64_t n, float* to) {
  std::int64_t i = 0;
  for (; i + lanes32 <= n; i += lanes32) hn::StoreU(hn::LoadU(d32, x + i), d32, to + i);
  if (i < n) hn::StoreU(load_part(x + i, n - i), d32, to + i);
}

// even[i] = x[2 i], odd[i] = x[2 i + 1]
HWY_INLINE void bring_pairs(const float* x, std::int64_t n, float* even, float* odd) {
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; i + lanes32 <= n; i += lanes32) {
    V32 a, b;
    hn::LoadInterleaved2(d32, x + 2 * i, a, b);
    hn::StoreU(a, d32, even + i);
    hn::StoreU(b, d32, odd + i);
    if (i + lanes32 < n && i + 2 * lanes32 > n) i = n - 2 * lanes32;  // the last vector overlaps
  }
#endif
  for (; i < n; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
}

void bring_phases(const BandLines& g, const float* x, float* to) {
  std::int64_t begin = 0, end = 0;  // elements that both of two phases have
  if (g.phases == 2) {
    begin = std::max(g.parts[0].first, g.parts[1].first);
    end = std::max(begin, std::min(g.parts[0].last, g.parts[1].last));
  }
  for (std::int64_t phase = 0; phase < g.phases; ++phase) {
    const LinePart& part = g.parts[phase];
    float* out = to + phase * g.length;
    std::fill(out, out + part.first, g.filling);
    for (std::int64_t j = part.first; j < part.last; ++j) {
      if (j == begin && begin < end) j = end;
      if (j < part.last) out[j] = x[part.from + j * g.phases];
    }
    std::fill(out + part.last, out + g.length, g.filling);
  }
  if (begin < end)
    bring_pairs(x + g.parts[0].from + 2 * begin, end - begin, to + begin, to + g.length + begin);
}

void bring(const BandLines& g) {
  const V32 filling = hn::Set(d32, g.filling);
  const LinePart& whole = g.parts[0];
  for (std::int64_t line = 0; line < g.lines; ++line) {
    const std::int64_t y = g.top + line * g.every;
    const float* x = g.x + y * g.width;
    float* to = g.to + line * g.pitch;
    if (y < 0 || y >= g.height) {
      fill(to, g.phases * g.length, filling);
    } else if (g.phases > 1) {
      bring_phases(g, x, to);
    } else {  // left to right: each step may write beyond its end
      fill(to, whole.first, filling);
      bring_run(x + whole.from + whole.first, whole.last - whole.first, to + whole.first);
      fill(to + whole.last, g.length - whole.last, filling);
    }
  }
}

const TapKernels* tap_table() {
  static constexpr TapKernels table{weighted,      maximum,   sum,  weighted_lines,
                                    maximum_lines, sum_lines, bring};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(tap_table);
const TapKernels& tap_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(tap_table)[target_index(isa)]();
}
}  // namespace pliant::native
#endif
