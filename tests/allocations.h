// How often this program has called operator new, in all threads.
#pragma once

namespace pliant {

long allocations();
bool counts_allocations();  // not where a sanitizer brings an allocator of its own

}  // namespace pliant
