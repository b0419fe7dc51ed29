// How often this program has called operator new, in all threads; what the blocks it gives back
// hold; and allocations that fail.
#pragma once

#include <cstdint>
#include <span>

namespace pliant {

long allocations();
bool counts_allocations();  // not where a sanitizer brings an allocator of its own

// Shows every block that is freed from now on to `at`, which must not allocate; null stops it.
using Look = bool (*)(std::span<const std::uint64_t> block);
void look_at_freed(Look at);
long found_in_freed();  // blocks for which it was true
// The allocation after so many others throws std::bad_alloc; -1: none does.
void fail_allocation(long after);

}  // namespace pliant
