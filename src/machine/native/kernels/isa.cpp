#include "machine/native/kernels/isa.h"

#include "machine/native/kernels/targets.h"

namespace pliant::native {

std::vector<Isa> available_isas() {
  std::vector<Isa> result{Isa::scalar};
  const std::int64_t here = hwy::SupportedTargets() & HWY_TARGETS;
  for (const Isa isa : {Isa::sse4, Isa::avx2, Isa::avx512, Isa::neon})
    if ((here & target_mask(isa)) != 0) result.push_back(isa);
  return result;
}

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::best: return "best";
    case Isa::scalar: return "scalar";
    case Isa::sse4: return "sse4";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::neon: return "neon";
  }
  return "";
}

}  // namespace pliant::native
