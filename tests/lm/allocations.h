// Counts what operator new is asked for by the thread that calls.
#pragma once

#include <cstdint>

namespace pliant::lm {

std::int64_t allocations();
bool counts_allocations();  // not where a sanitizer brings an allocator of its own

}  // namespace pliant::lm
