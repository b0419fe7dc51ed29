// Parameters of the scheme: inert data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/ckks/context/random.h"

namespace pliant::ckks {

struct Params {
  int log_n = 15;       // ring dimension N = 2^log_n, with N/2 slots; 4 to 17
  int levels = 10;      // how often a ciphertext can be rescaled; 0 to 60
  int scale_bits = 40;  // values are integers after multiplication by 2^scale_bits; 20 to 49
  // size of the prime that is never dropped: head-room above the scale; scale_bits to 50
  int first_bits = 50;
  int digits = 3;  // of hybrid key switching: more are slower with larger keys, fewer need larger
                   // special primes; 1 to 32
  int security = 128;    // bits, against classical attacks: 128, 192 or 256
  double magnitude = 1;  // declared bound of |slot| of what is encrypted. Data must not decide it:
                         // it travels in the clear
  // accept what the security table refuses; said aloud on each use
  bool insecure_for_tests = false;
  friend bool operator==(const Params&, const Params&) = default;
};

// Throws Error{usage} naming the field and its range. Whether a set is secure, and whether there
// are enough primes for it, is the Context's to check.
const Params& in_range(const Params& params);

// The largest log2(Q P) for a uniform ternary secret and this security in bits against classical
// attacks, or 0 where no set is that small.
int max_modulus_bits(int log_n, int security);

// log2(Q P): of all primes that these parameters lead to, special ones counted. Throws as in_range
// does, and Error{unsupported} when there are too few primes.
double modulus_bits(const Params& params);

std::string describe(const Params& params);  // one line, every field
// BLAKE2b of the fields and of the primes they lead to. Throws as in_range does.
Hash hash(const Params& params);

// A file: docs/formats.md. Throws Error{format} for bytes that do not follow it, Error{usage} for a
// field out of range, Error{unsupported} for a set with the test flag unless that is accepted.
// Security is the Context's to check.
std::vector<std::byte> serialize(const Params& params);
Params parse_params(std::span<const std::byte> bytes, bool accept_insecure = false);

}  // namespace pliant::ckks
