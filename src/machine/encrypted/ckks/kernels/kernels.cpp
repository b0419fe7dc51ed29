#include "machine/encrypted/ckks/kernels/kernels.h"

#include <utility>

#include "machine/encrypted/ckks/kernels/isa.h"

namespace pliant::ckks {

Weights weights(std::vector<u64> w, const Modulus& m) {
  Weights result;
  result.mod = m;
  u64 sum = 0;
  for (const u64 weight : w) {
    result.centred.push_back(centred(weight, m));
    sum = add(sum, weight, m.q);
  }
  result.w = std::move(w);
  result.shift = centred(reduce(static_cast<u128>(sum) << 49, m), m);
  return result;
}

const Kernels* avx2_kernels() {
#ifdef __x86_64__
  static const bool usable = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return usable ? &built_avx2_kernels() : nullptr;
#else
  return nullptr;
#endif
}

const Kernels* ifma_kernels() {
#ifdef __x86_64__
  static const bool usable =
      __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi");
  return usable ? &built_ifma_kernels() : nullptr;
#else
  return nullptr;
#endif
}

std::vector<const Kernels*> usable_kernels() {
  std::vector<const Kernels*> all{&scalar_kernels()};
  for (const Kernels* kernels : {avx2_kernels(), ifma_kernels()})
    if (kernels != nullptr) all.push_back(kernels);
  return all;
}

const Kernels& best_kernels() {
  static const Kernels* const best = usable_kernels().back();
  return *best;
}

}  // namespace pliant::ckks
