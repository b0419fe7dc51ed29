// Search for primes q = 1 mod 2N, for which X^N + 1 splits and the NTT exists.
#pragma once

#include <vector>

#include "machine/encrypted/ckks/kernels/word.h"

namespace pliant::ckks {

// exact for every 64-bit n (Miller-Rabin with the first twelve primes as bases)
bool is_prime(u64 n);

// The primes of one parameter set, all distinct and below 2^50.
struct PrimeChain {
  // q[0] is never dropped; q[level] is dropped by the rescale at `level`
  std::vector<u64> q;
  std::vector<u64> p;  // special primes: in keys only
  // scales[level]: where ciphertexts of that level meet; scales[l-1] = scales[l]^2 / q[l]
  std::vector<double> scales;
};

// q[0] is the largest below 2^first_bits. From the top level down,
// q[l] is the unused prime nearest to scales[l]^2 / 2^scale_bits: so the primes alternate about the
// scale and the error of the scale, which doubles with each level, is cancelled instead of growing.
// The special primes are as few as hold the largest digit, and of equal size: together up to 2^6
// times the digit, where so many have room for it, so that what key switching adds stays below what
// division rounds away. Throws Error{unsupported} when there are too few primes.
PrimeChain find_chain(int log_n, int levels, int scale_bits, int first_bits, int digits);

u64 primitive_root(
    u64 order,
    const Modulus& m);  // smallest element of exactly this order, a power of two dividing q - 1

}  // namespace pliant::ckks
