#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taps.cpp"
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
  HWY_INLINE V32 take(std::int64_t t, V32 x, V32 sum) const { return hn::MulAdd(hn::Set(d32, weights[t]), x, sum); }
};

struct Maximum {
  static constexpr bool resumes = true;
  HWY_INLINE V32 take(std::int64_t, V32 x, V32 sum) const { return hn::IfThenElse(hn::Gt(x, sum), x, sum); }
};

struct Sum {
  static constexpr bool resumes = true;
  HWY_INLINE V32 take(std::int64_t, V32 x, V32 sum) const { return hn::Add(sum, x); }
};

template <typename Fold>
HWY_INLINE void fold_taps(const Fold& fold, const float* const* taps, std::int64_t count, float* out, std::int64_t n) {
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

void weighted(const float* const* taps, const float* weights, std::int64_t count, float* out, std::int64_t n) {
  fold_taps(Weighted{weights}, taps, count, out, n);
}
void maximum(const float* const* taps, std::int64_t count, float* out, std::int64_t n) {
  fold_taps(Maximum{}, taps, count, out, n);
}
void sum(const float* const* taps, std::int64_t count, float* out, std::int64_t n) {
  fold_taps(Sum{}, taps, count, out, n);
}

// A vector of outputs over all taps; `count` > 0 is known when compiled, and its loop unrolled.
template <int count, int vectors, typename Fold>
HWY_INLINE void fold_at(const Fold& fold, const TapLines& g, const float* from, V32 start, V32 (&sum)[vectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = start;
  const std::int64_t taps = count > 0 ? count : g.taps;
#pragma GCC unroll 9
  for (std::int64_t t = 0; t < taps; ++t) {
    const float* at = from + g.offsets[t];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[v] = fold.take(t, hn::LoadU(d32, at + v * lanes32), sum[v]);
  }
}

// Whole vectors are stored, beyond the end of a line too: the next line overwrites that. The last line's are parts.
template <int count, typename Fold>
HWY_INLINE void fold_lines(const Fold& fold, const TapLines& g, V32 start) {
  for (std::int64_t line = 0; line < g.lines; ++line) {
    const float* from = g.from + line * g.step;
    float* out = g.out + line * g.width;
    const std::int64_t inside = (g.lines - line) * g.width;  // of what may be written
    std::int64_t j = 0;
    for (; j + 3 * lanes32 < g.width && j + 4 * lanes32 <= inside; j += 4 * lanes32) {
      V32 sum[4];
      fold_at<count>(fold, g, from + j, start, sum);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) hn::StoreU(sum[v], d32, out + j + v * lanes32);
    }
    for (; j < g.width; j += lanes32) {
      V32 sum[1];
      fold_at<count>(fold, g, from + j, start, sum);
      if (j + lanes32 <= inside) hn::StoreU(sum[0], d32, out + j);
      else store_part(sum[0], out + j, inside - j);
    }
  }
}

template <typename Fold>
void choose_lines(const Fold& fold, const TapLines& g, V32 start) {
  switch (g.taps) {
    case 4: return fold_lines<4>(fold, g, start);
    case 9: return fold_lines<9>(fold, g, start);
    default: return fold_lines<0>(fold, g, start);
  }
}

void weighted_lines(const TapLines& g, const float* weights) { choose_lines(Weighted{weights}, g, hn::Zero(d32)); }
void maximum_lines(const TapLines& g) { choose_lines(Maximum{}, g, hn::Set(d32, -HUGE_VALF)); }
void sum_lines(const TapLines& g) { choose_lines(Sum{}, g, hn::Zero(d32)); }

void split(const float* x, std::int64_t n, float* even, float* odd) {
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; i + lanes32 <= n; i += lanes32) {
    V32 a, b;
    hn::LoadInterleaved2(d32, x + 2 * i, a, b);
    hn::StoreU(a, d32, even + i);
    hn::StoreU(b, d32, odd + i);
  }
#endif
  for (; i < n; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
}

const TapKernels* tap_table() {
  static constexpr TapKernels table{weighted, maximum, sum, weighted_lines, maximum_lines, sum_lines, split};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(tap_table);
const TapKernels& tap_kernels(Isa isa) { return *HWY_DISPATCH_TABLE(tap_table)[target_index(isa)](); }
}  // namespace pliant::native
#endif
