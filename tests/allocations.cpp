// Replaces operator new by one that counts. Kept out of unity builds: inlined, it confuses the
// compiler's warnings.
#include "allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<long> count{0}, found{0}, left{-1};
static std::atomic<pliant::Look> look{nullptr};

namespace pliant {

long allocations() { return count; }

void look_at_freed(Look at) {
  found = 0;
  look = at;
}
long found_in_freed() { return found; }
void fail_allocation(long after) { left = after; }

bool counts_allocations() {
#if defined(PLIANT_SANITIZED)
  return false;
#else
  return true;
#endif
}

}  // namespace pliant

#if !defined(PLIANT_SANITIZED)
// True when this allocation is the one that is to fail.
static bool fails() { return left >= 0 && left-- == 0; }

static void release(void* p) noexcept {
  const pliant::Look wanted = look;
  if (p != nullptr && wanted != nullptr)
    found += wanted({static_cast<const std::uint64_t*>(p), malloc_usable_size(p) / 8}) ? 1 : 0;
  std::free(p);
}

void* operator new(std::size_t size) {
  ++count;
  if (fails()) throw std::bad_alloc();
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++count;
  if (fails()) throw std::bad_alloc();
  const auto align = static_cast<std::size_t>(alignment);
  if (void* p = std::aligned_alloc(align, (size + align - 1) / align * align)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
#endif
