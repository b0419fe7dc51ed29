// Vectors of 256 bits with the byte dot products of AVX-512 VNNI. Compiled for them alone; empty
// elsewhere.
#include "machine/native/encoded/encoded.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#include <immintrin.h>

#include <array>
#include <bit>
#include <cstring>

#include "quant/layout.h"

#define PLIANT_ALWAYS_INLINE inline __attribute__((always_inline))

namespace pliant::native {
namespace {

using layout::Byte;

#include "machine/native/encoded/avx2-inl.h"

struct V : Avx2 {
  template <bool wide>
  static Ints dot(Ints sum, Codes codes, Codes x) {
    return _mm256_dpbusd_epi32(sum, codes, x);
  }
};

#include "machine/native/encoded/blocks-inl.h"
//
#include "machine/native/encoded/dots-inl.h"

}  // namespace

const EncodedKernels* vnni_encoded_kernels() {
  static const bool here =
      __builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return here ? &table : nullptr;
}

}  // namespace pliant::native

#else
namespace pliant::native {
const EncodedKernels* vnni_encoded_kernels() { return nullptr; }
}  // namespace pliant::native
#endif
