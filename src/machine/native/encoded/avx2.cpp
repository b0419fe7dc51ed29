// Vectors of 256 bits with AVX2, FMA and F16C. Compiled for them alone; empty elsewhere.
#include "machine/native/encoded/encoded.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "quant/layout.h"

#define PLIANT_ALWAYS_INLINE inline __attribute__((always_inline))

namespace pliant::native {
namespace {

using layout::Byte;

#include "machine/native/encoded/avx2-inl.h"

// Bytes are multiplied in two steps, to sums of two in 16 bits and to sums of four in 32.
struct V : Avx2 {
  static constexpr int tile_vectors = 2;
  // Codes above 63 would overflow the first step: as signed ones they do not, and what codes
  // without a sign would add is not there to be taken off.
  static constexpr bool signed_wide = true;

  template <bool wide>
  static Ints dot(Ints sum, Codes codes, Codes x) {
    return add_pairs(sum, pairs<wide>(codes, x));
  }

  // Sums of two, and of several such.
  using Pairs = __m256i;
  template <bool wide>
  static Pairs pairs(Codes codes, Codes x) {
    if constexpr (!wide) return _mm256_maddubs_epi16(codes, x);
    const Codes weights = flip(codes);
    return _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
  }
  static Pairs add(Pairs a, Pairs b) { return in_turn(_mm256_add_epi16(a, b)); }
  static Floats add(Floats a, Floats b) { return Avx2::add(a, b); }
  static Ints add_pairs(Ints sum, Pairs pairs) {
    return in_turn(_mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  }

 private:
  // The compiler would compute all products of a tile before it adds any, and has no registers for
  // them.
  static __m256i in_turn(__m256i sum) {
    asm("" : "+x"(sum));
    return sum;
  }
};

#include "machine/native/encoded/blocks-inl.h"
//
#include "machine/native/encoded/dots-inl.h"
//
#include "machine/native/encoded/weigh-inl.h"
//
#include "machine/native/encoded/tall-inl.h"

constexpr EncodedKernels table = encoded_table<V>();

}  // namespace

const EncodedKernels* avx2_encoded_kernels() {
  static const bool here =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return here ? &table : nullptr;
}

}  // namespace pliant::native

#else
namespace pliant::native {
const EncodedKernels* avx2_encoded_kernels() { return nullptr; }
}  // namespace pliant::native
#endif
