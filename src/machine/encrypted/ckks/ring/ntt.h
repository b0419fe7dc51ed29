// Tables of the negacyclic number-theoretic transform modulo one prime.
#pragma once

#include "machine/encrypted/ckks/kernels/kernels.h"

namespace pliant::ckks {

NttTable ntt_table(u64 q, int log_n);  // q prime, = 1 mod 2N, below 2^50; 4 <= log_n <= 17

constexpr std::uint32_t bit_reverse(std::uint32_t value, int bits) {
  std::uint32_t result = 0;
  for (int i = 0; i < bits; ++i) result |= (value >> i & 1u) << (bits - 1 - i);
  return result;
}

// The automorphism X -> X^galois (odd) on transformed values: out[i] = in[index[i]]. In
// bit-reversed order the upper bits of an index decide the upper bits of its image: every aligned
// power-of-two block comes from such a block.
std::vector<std::uint32_t> automorphism_index(std::uint32_t galois, int log_n);

}  // namespace pliant::ckks
