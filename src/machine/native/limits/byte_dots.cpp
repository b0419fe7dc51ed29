// Compiled for VNNI alone; empty elsewhere.
#include "machine/native/limits/processor_limits.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace pliant::native {
namespace {

constexpr int chains = 12;

Loop wide_dots(std::int64_t rounds) {
  const __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(3);
  __m512i sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm512_set1_epi32(i);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
  }
  for (int i = 1; i < chains; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  std::int32_t lanes[16];
  _mm512_storeu_si512(lanes, sum[0]);
  return {rounds * chains * 128, static_cast<float>(lanes[0])};
}

Loop narrow_dots(std::int64_t rounds) {
  const __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(3);
  __m256i sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm256_set1_epi32(i);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = _mm256_dpbusd_epi32(sum[i], a, b);
  }
  for (int i = 1; i < chains; ++i) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
  return {rounds * chains * 64, static_cast<float>(_mm256_extract_epi32(sum[0], 0))};
}

}  // namespace

Loop byte_dots(std::int64_t rounds, bool wide) {
  return wide ? wide_dots(rounds) : narrow_dots(rounds);
}

}  // namespace pliant::native

#else
namespace pliant::native {
Loop byte_dots(std::int64_t, bool) { return {}; }
}  // namespace pliant::native
#endif
