// What this processor can do at most, measured here and now: the peers of everything that is said
// about speed. Loops in registers, and reading of memory; nothing of Pliant's own kernels.
#pragma once

#include <cstdint>
#include <string>

#include "core/pool.h"

namespace pliant::native {

// Per second, all threads of a pool together, the best of a few runs of some milliseconds each. A
// multiply-add is two operations.
struct Limits {
  double f32 = 0;         // multiply-adds
  double byte_dots = 0;   // dot products of bytes summed in i32 (VNNI); 0: the processor has none
  double bf16_dots = 0;   // dot products of BF16 summed in f32; 0: none
  double read_bytes = 0;  // of a buffer as large as asked for
};

// `read`: bytes of the buffer whose reading is measured, at least 1 MiB. Throws Error{capacity}.
Limits measure_limits(ThreadPool& pool, std::int64_t read);

std::string widest_vectors();  // "512-bit"

// Loops for one thread: what they return keeps them from being left out.
struct Loop {
  std::int64_t operations = 0;
  float sink = 0;
};
Loop multiply_adds(std::int64_t rounds);
// Of the wider or the narrower vectors, where there are two; only where the processor has them.
Loop byte_dots(std::int64_t rounds, bool wide);
Loop bf16_dots(std::int64_t rounds, bool wide);
std::uint64_t read_all(const std::byte* data, std::int64_t bytes);  // a multiple of 1024

}  // namespace pliant::native
