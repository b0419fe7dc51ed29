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

using V = Avx2;

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
