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

const TapKernels* tap_table() {
  static constexpr TapKernels table{weighted, maximum, sum};
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
