// What the per-instruction-set sources share: loads and stores of a few elements, and the lanes.
// Included once per target, hence the toggled guard.
#if defined(PLIANT_NATIVE_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PLIANT_NATIVE_VECTORS_INL_H
#undef PLIANT_NATIVE_VECTORS_INL_H
#else
#define PLIANT_NATIVE_VECTORS_INL_H
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, 16>;
using V32 = hn::Vec<F32>;
constexpr std::int64_t lanes32 = HWY_TARGET == HWY_SCALAR ? 1
                                 : HWY_TARGET == HWY_AVX2 ? 8
                                 : HWY_TARGET == HWY_AVX3 ? 16
                                                          : 4;
constexpr std::int64_t virtual_lanes = 16;

// Masked loads and stores touch no memory that the mask leaves out.
constexpr bool masks = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// The first n < lanes32 elements; zeros behind them.
inline HWY_ATTR V32 load_part(const float* p, std::int64_t n) {
  if constexpr (masks) return hn::MaskedLoad(hn::FirstN(F32(), n), F32(), p);
  HWY_ALIGN float buffer[lanes32] = {};
  std::memcpy(buffer, p, n * sizeof(float));
  return hn::Load(F32(), buffer);
}

inline HWY_ATTR void store_part(V32 v, float* p, std::int64_t n) {
  if constexpr (masks) return hn::BlendedStore(v, hn::FirstN(F32(), n), F32(), p);
  HWY_ALIGN float buffer[lanes32];
  hn::Store(v, F32(), buffer);
  std::memcpy(p, buffer, n * sizeof(float));
}

// Lanes i and i + n/2 become one, for n = all lanes of all vectors, half of them, and so on: the
// fixed order in which virtual lanes are combined.
template <typename Combine, class D>
HWY_INLINE hn::TFromD<D> fold_vector(D /*d*/, hn::Vec<D> x) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    return fold_vector<Combine>(half, Combine::of(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
#endif
  return hn::GetLane(x);
}

template <typename Combine, class D, int count>
HWY_INLINE hn::TFromD<D> fold(D d, const hn::Vec<D> (&vectors)[count]) {
  hn::Vec<D> x[count];
#pragma GCC unroll 16
  for (int v = 0; v < count; ++v) x[v] = vectors[v];
#pragma GCC unroll 16
  for (int width = count / 2; width > 0; width /= 2) {
#pragma GCC unroll 16
    for (int v = 0; v < width; ++v) x[v] = Combine::of(x[v], x[v + width]);
  }
  return fold_vector<Combine>(d, x[0]);
}

struct Added {
  template <class V>
  static HWY_INLINE V of(V a, V b) {
    return hn::Add(a, b);
  }
};

// b only where it is beyond a
template <bool is_max>
struct Farther {
  template <class V>
  static HWY_INLINE V of(V a, V b) {
    return hn::IfThenElse(is_max ? hn::Gt(b, a) : hn::Lt(b, a), b, a);
  }
};

// exp for every input: the library's is defined up to 104.
inline HWY_ATTR V32 exponential(V32 x) {
  const F32 d;
  const V32 y = hn::Exp(d, hn::Min(x, hn::Set(d, 88.8f)));
  const V32 large =
      hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.7228394f)), hn::Set(d, __builtin_inff()), y);
  return hn::IfThenElse(hn::IsNaN(x), x, large);
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#endif
