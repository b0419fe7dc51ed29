// Compiled for AVX-512 BF16 alone; empty elsewhere.
#include "machine/native/limits/processor_limits.h"

#if defined(__AVX512BF16__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace pliant::native {
namespace {

constexpr int chains = 12;

Loop wide_dots(std::int64_t rounds) {
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.5F));
  __m512 sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = _mm512_dpbf16_ps(sum[i], a, a);
  }
  for (int i = 1; i < chains; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  float lanes[16];
  _mm512_storeu_ps(lanes, sum[0]);
  return {rounds * chains * 64, lanes[0]};
}

Loop narrow_dots(std::int64_t rounds) {
  const __m256bh a = _mm256_cvtne2ps_pbh(_mm256_set1_ps(0.5F), _mm256_set1_ps(0.5F));
  __m256 sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = _mm256_dpbf16_ps(sum[i], a, a);
  }
  for (int i = 1; i < chains; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
  return {rounds * chains * 32, _mm256_cvtss_f32(sum[0])};
}

}  // namespace

Loop bf16_dots(std::int64_t rounds, bool wide) {
  return wide ? wide_dots(rounds) : narrow_dots(rounds);
}

}  // namespace pliant::native

#else
namespace pliant::native {
Loop bf16_dots(std::int64_t, bool) { return {}; }
}  // namespace pliant::native
#endif
