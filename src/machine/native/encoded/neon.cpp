// NEON with dot products of signed bytes (Armv8.2 dotprod). Compiled for them alone; empty
// elsewhere.
#include "machine/native/encoded/encoded.h"

#if defined(__ARM_FEATURE_DOTPROD)
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
    const auto half = [](int32x4_t to, uint8x16_t a, uint8x16_t b) {
      const int8x16_t rounded = vreinterpretq_s8_u8(b);
      if constexpr (!wide) return vdotq_s32(to, vreinterpretq_s8_u8(a), rounded);
      // codes above 127 are no signed bytes: 128 less, and 128 times the sum of what they meet
      const int8x16_t less = vreinterpretq_s8_u8(veorq_u8(a, vdupq_n_u8(128)));
      const int32x4_t sums = vdotq_s32(vdupq_n_s32(0), rounded, vdupq_n_s8(1));
      return vaddq_s32(vdotq_s32(to, less, rounded), vshlq_n_s32(sums, 7));
    };
    return {{half(sum.val[0], codes.val[0], x.val[0]), half(sum.val[1], codes.val[1], x.val[1])}};
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

const EncodedKernels* neon_encoded_kernels() {
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? &table : nullptr;
}

}  // namespace pliant::native

#else
namespace pliant::native {
const EncodedKernels* neon_encoded_kernels() { return nullptr; }
}  // namespace pliant::native
#endif
