#include "machine/torch/blas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string_view>

namespace pliant::aten {

std::optional<std::string> better_blas_core() {
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr) return std::nullopt;
  using Name = char*();
  // through the loader: another BLAS has no such function
  const auto name = reinterpret_cast<Name*>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  if (name == nullptr || std::string_view(name()) != "Prescott") return std::nullopt;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return std::nullopt;
}

}  // namespace pliant::aten
