// The byte dot products of AVX-512 VNNI, in vectors of 256 bits and, for many rows, of 256 or 512.
// Compiled for them alone; empty elsewhere.
#include "machine/native/encoded/encoded.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
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

struct V : Avx2 {
  static constexpr int tile_vectors = 3;
  template <bool wide>
  static Ints dot(Ints sum, Codes codes, Codes x) {
    return _mm256_dpbusd_epi32(sum, codes, x);
  }
};

struct Wide {
  using Codes = __m512i;
  using Ints = __m512i;
  using Floats = __m512;
  static constexpr int columns = 16, tile_vectors = 3;

  static Codes load_columns(const Byte* at) { return _mm512_loadu_si512(at); }
  static Codes all_four(const std::int8_t* at) {
    std::int32_t four = 0;
    std::memcpy(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Ints no_ints() { return _mm512_setzero_si512(); }
  static Ints all_ints(std::int32_t x) { return _mm512_set1_epi32(x); }
  template <bool wide>
  static Ints dot(Ints sum, Codes codes, Codes x) {
    return _mm512_dpbusd_epi32(sum, codes, x);
  }
  static Floats to_floats(Ints x) {  // the mask of all lanes, for g++ 12 warns of the one without
    return _mm512_maskz_cvtepi32_ps(0xffff, x);
  }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Floats load_floats(const float* at) { return _mm512_loadu_ps(at); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
  static Floats subtract_product(Floats a, Floats b, Floats sum) {
    return _mm512_fnmadd_ps(a, b, sum);
  }
  static void store(float* to, Floats x) { _mm512_storeu_ps(to, x); }
};

#include "machine/native/encoded/blocks-inl.h"
//
#include "machine/native/encoded/dots-inl.h"
//
#include "machine/native/encoded/weigh-inl.h"
//
#include "machine/native/encoded/tall-inl.h"

constexpr EncodedKernels table = encoded_table<V>(), wide_table = encoded_table<Wide>();

bool here() {
  static const bool has =
      __builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return has;
}

}  // namespace

const EncodedKernels* vnni_encoded_kernels() { return here() ? &table : nullptr; }
const EncodedKernels* wide_vnni_encoded_kernels() { return here() ? &wide_table : nullptr; }

}  // namespace pliant::native

#else
namespace pliant::native {
const EncodedKernels* vnni_encoded_kernels() { return nullptr; }
const EncodedKernels* wide_vnni_encoded_kernels() { return nullptr; }
}  // namespace pliant::native
#endif
