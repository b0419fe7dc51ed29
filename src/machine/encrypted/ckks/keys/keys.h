// Keys. Secrets are ternary, wiped when they go, and never printed; everything else is public.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <vector>

#include "machine/encrypted/ckks/context/context.h"
#include "machine/encrypted/ckks/keys/secret.h"
#include "machine/encrypted/ckks/ring/packed.h"

namespace pliant::ckks {

// Where independent streams come from; two calls never give the same one. Without a seed each
// stream has its own from the operating system: nothing is kept that a copy of the process could
// repeat. A given seed makes tests repeatable: its streams are numbered, must never be used twice
// for real, and are refused in a forked child, which would repeat its parent's. Threads may share
// one.
class Randomness {
 public:
  Randomness() = default;
  explicit Randomness(const Seed& seed);
  ~Randomness();
  Randomness(const Randomness&) = delete;
  Randomness& operator=(const Randomness&) = delete;
  RandomStream stream();  // Error{usage}: a given seed after fork()
  Seed seed();            // of what is public: the uniform halves

 private:
  std::optional<Seed> given_;
  int process_ = 0;  // that was given the seed
  std::atomic<u64> next_ = 0;
};

// Immutable but for moves: threads may share one.
class SecretKey {
 public:
  // N values of -1, 0, 1
  SecretKey(const Context& context, std::span<const std::int64_t> coefficients);
  const Poly& poly() const {
    return poly_.get();
  }  // transformed; q[0..levels], then the special primes
  const Hash& params() const { return params_; }
  SecretValues coefficients(const Context& context) const;

 private:
  SecretPoly poly_;
  Hash params_;
};

// Plain data: threads may read one at once.
struct PublicKey {  // b = -a s + e at the top level, without special primes; a is the seed's
  Poly b, a;
  Seed seed{};
  Hash params{};
};

// Switches a polynomial that belongs to one secret to another: per digit d, b_d = -a_d s' + e_d + P
// [d] s, [d] = 1 on the digit's primes and 0 on the others. Extended polynomials at `level`; usable
// at every level up to it. Plain data: threads may read one at once.
struct SwitchKey {
  // of the rotation or conjugation it serves; 0 for relinearisation (s = s'^2)
  std::uint32_t galois = 0;
  int level = 0;
  Seed seed{};
  std::vector<PackedPoly> b, a;
  Hash params{};
  std::size_t bytes() const;  // of both halves, in memory
};

// An extended polynomial at `level`, as keys hold it.
PackedPoly packed(const Context& context, const Poly& poly, int level);
// What a switching key of that level takes in memory.
std::size_t key_bytes(const Context& context, int level);

// What the evaluating side holds: keys by automorphism and level. Threads may share one while none
// adds to it.
class KeySet {
 public:
  // A key of the same automorphism for lower levels goes.
  void add(SwitchKey key);
  void remove(std::uint32_t galois);  // every key of this automorphism
  // The smallest key of this automorphism for `level`; throws Error{not_found} naming what is
  // there.
  const SwitchKey& find(const Context& context, std::uint32_t galois, int level) const;
  const std::multimap<std::uint32_t, SwitchKey>& all() const { return keys_; }

 private:
  std::multimap<std::uint32_t, SwitchKey> keys_;
};

// Threads may share one. A seed is for tests (Randomness).
class KeyGenerator {
 public:
  explicit KeyGenerator(const Context& context) : context_(context) {}
  KeyGenerator(const Context& context, const Seed& seed) : context_(context), random_(seed) {}
  SecretKey secret_key();
  PublicKey public_key(const SecretKey& secret);
  // level -1: the top one.
  SwitchKey relinearization_key(const SecretKey& secret, int level = -1);
  SwitchKey rotation_key(const SecretKey& secret, int steps, int level = -1);
  SwitchKey conjugation_key(const SecretKey& secret, int level = -1);

 private:
  SwitchKey galois_key(const SecretKey& secret, std::uint32_t galois, int level);
  SwitchKey switch_key(const Poly& from, const Poly& to, int level);
  const Context& context_;
  Randomness random_;
};

// The uniform half of one digit, limb by limb: a function of (seed, digit, prime) alone, so keys of
// any level agree.
void expand_seed(const Context& context, const Seed& seed, std::size_t digit, int level,
                 bool extended, Poly& out);

// Small signed coefficients as transformed residues, in the limbs of an extended (or plain)
// polynomial at `level`.
void spread(const Context& context, std::span<const std::int64_t> small, int level, bool extended,
            Poly& out);

// Throw Error{invalid} for a key of other parameters, an empty one, or one whose limbs do not go
// together.
void require(const Context& context, const SecretKey& key, const char* verb);
void require(const Context& context, const PublicKey& key, const char* verb);
void require(const Context& context, const SwitchKey& key, const char* verb);

}  // namespace pliant::ckks
