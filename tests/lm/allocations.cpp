#include "lm/allocations.h"

#include <cstdlib>
#include <new>

namespace {
thread_local std::int64_t count = 0;
}

#if !defined(__SANITIZE_ADDRESS__)
// Not inlined: the compiler would see malloc and free where it expects a pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++count;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace pliant::lm {

std::int64_t allocations() { return count; }

bool counts_allocations() {
#if defined(__SANITIZE_ADDRESS__)
  return false;
#else
  return true;
#endif
}

}  // namespace pliant::lm
