#include "machine/encrypted/ckks/ring/pages.h"

#include <sys/mman.h>

#include <bit>
#include <cstdint>

namespace pliant::ckks {

void in_large_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t large = std::uintptr_t{1} << 21;
  const auto begin = std::bit_cast<std::uintptr_t>(data), first = (begin + large - 1) & -large;
  if (first + large > begin + bytes) return;
  // an advice: where it is refused, pages stay small
  static_cast<void>(
      ::madvise(std::bit_cast<void*>(first), (begin + bytes - first) & -large, MADV_HUGEPAGE));
#endif
}

}  // namespace pliant::ckks
