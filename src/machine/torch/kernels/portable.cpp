#include "machine/torch/kernels/body.h"

namespace pliant::aten::kernels {

const Table& portable() { return table; }

const Table& best() {
#if defined(__x86_64__)
  static const Table& found =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl")
          ? avx512()
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? avx2()
                                                                        : portable();
  return found;
#else
  return portable();
#endif
}

}  // namespace pliant::aten::kernels
