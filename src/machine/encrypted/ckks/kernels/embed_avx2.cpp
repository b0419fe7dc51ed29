// The embedding's stages on AVX2, for AVX-512 processors too: what is left of an encoding beside
// them is number theory.
#ifdef __x86_64__
#include <immintrin.h>

#include "machine/encrypted/ckks/kernels/butterflies.h"
#include "machine/encrypted/ckks/kernels/isa.h"

namespace pliant::ckks {

namespace {

struct Four {
  using Vector = __m256d;
  static constexpr std::size_t width = 4;
  static Vector load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, Vector v) { _mm256_storeu_pd(p, v); }
  static Vector all(double x) { return _mm256_set1_pd(x); }
};
using Z = Split<Four>;

inline void transpose(__m256d& a, __m256d& b, __m256d& c, __m256d& d) {
  const __m256d ab_low = _mm256_unpacklo_pd(a, b), ab_high = _mm256_unpackhi_pd(a, b),
                cd_low = _mm256_unpacklo_pd(c, d), cd_high = _mm256_unpackhi_pd(c, d);
  a = _mm256_permute2f128_pd(ab_low, cd_low, 0x20);
  b = _mm256_permute2f128_pd(ab_high, cd_high, 0x20);
  c = _mm256_permute2f128_pd(ab_low, cd_low, 0x31);
  d = _mm256_permute2f128_pd(ab_high, cd_high, 0x31);
}
inline void transpose(Z (&v)[4]) {
  transpose(v[0].re, v[1].re, v[2].re, v[3].re);
  transpose(v[0].im, v[1].im, v[2].im, v[3].im);
}

// Where every value has a twiddle of its own, four neighbours go through together.
inline Z neighbours(const double* w, std::size_t length, std::size_t p) {
  return {Four::load(w + p), Four::load(w + length / 2 + p)};
}

void fold2(const double* x, double* y, const double* w, std::size_t n, std::size_t s) {
  fold2_lanes<Four>(x, y, w, n, s);
}
void unfold2(const double* x, double* y, const double* w, std::size_t n, std::size_t s) {
  unfold2_lanes<Four>(x, y, w, n, s);
}

void fold4(const double* x, double* y, const double* w1, const double* w2, std::size_t n,
           std::size_t s) {
  if (s != 1) return two_stages<Four, true>(x, y, w1, w2, n, s);
  for (std::size_t p = 0; p < n / 4; p += 4) {
    Z v[4];
    for (std::size_t k = 0; k < 4; ++k) v[k] = load_split<Four>(x + p + k * (n / 4), n);
    fold(v, neighbours(w1, n, p), neighbours(w2, n / 2, p));
    transpose(v);
    for (std::size_t k = 0; k < 4; ++k) store_split<Four>(y + 4 * p + 4 * k, n, v[k]);
  }
}

void unfold4(const double* x, double* y, const double* w1, const double* w2, std::size_t n,
             std::size_t s) {
  if (s != 1) return two_stages<Four, false>(x, y, w1, w2, n, s);
  for (std::size_t p = 0; p < n / 4; p += 4) {
    Z v[4];
    for (std::size_t k = 0; k < 4; ++k) v[k] = load_split<Four>(x + 4 * p + 4 * k, n);
    transpose(v);
    unfold(v, neighbours(w1, n, p), neighbours(w2, n / 2, p));
    for (std::size_t k = 0; k < 4; ++k) store_split<Four>(y + p + k * (n / 4), n, v[k]);
  }
}

}  // namespace

const EmbeddingStages& built_avx2_embedding() {
  static constexpr EmbeddingStages stages{fold2, fold4, unfold2, unfold4};
  return stages;
}

}  // namespace pliant::ckks
#endif
