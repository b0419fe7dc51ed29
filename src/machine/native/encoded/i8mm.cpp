// NEON with dot products of unsigned with signed bytes (Armv8.6 i8mm). Compiled for them alone;
// empty elsewhere.
#include "machine/native/encoded/encoded.h"

#if defined(__ARM_FEATURE_MATMUL_INT8)
#include <arm_neon.h>
#include <sys/auxv.h>

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

#include "machine/native/encoded/neon-inl.h"

struct V : Neon {
  template <bool wide>
  static Ints dot(Ints sum, Codes codes, Codes x) {
    return {{vusdotq_s32(sum.val[0], codes.val[0], vreinterpretq_s8_u8(x.val[0])),
             vusdotq_s32(sum.val[1], codes.val[1], vreinterpretq_s8_u8(x.val[1]))}};
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

const EncodedKernels* i8mm_encoded_kernels() {
  return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0 ? &table : nullptr;
}

}  // namespace pliant::native

#else
namespace pliant::native {
const EncodedKernels* i8mm_encoded_kernels() { return nullptr; }
}  // namespace pliant::native
#endif
