// Which of Highway's targets an Isa is, as an index into the tables of HWY_EXPORT. Included before
// hwy/foreach_target.h by every per-instruction-set source; the macros choose which targets those
// are compiled for.
#pragma once

#define HWY_COMPILE_ALL_ATTAINABLE  // scalar too, where something better is the baseline
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_PPC8 | HWY_AVX3_DL)

#include "hwy/detect_targets.h"
#include "hwy/targets.h"
#include "machine/native/kernels/isa.h"

namespace pliant::native {

inline std::int64_t target_mask(Isa isa) {
  switch (isa) {
    case Isa::sse4: return HWY_SSE4;
    case Isa::avx2: return HWY_AVX2;
    case Isa::avx512: return HWY_AVX3;
    case Isa::neon: return HWY_NEON;
    case Isa::best: {
      // asking the processor is slow in a virtual machine
      static const std::int64_t here = hwy::SupportedTargets();
      return here;
    }
    case Isa::scalar: break;
  }
  return 0;  // the table's last entry, which is always there
}

inline std::size_t target_index(Isa isa) {
  // the table of a single target has one entry
  if ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0) return 0;
  hwy::ChosenTarget chosen;
  chosen.Update(target_mask(isa));
  return chosen.GetIndex();
}

}  // namespace pliant::native
