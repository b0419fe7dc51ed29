// Ciphertexts, encryption and decryption.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "machine/encrypted/ckks/context/encoder.h"
#include "machine/encrypted/ckks/keys/keys.h"

namespace pliant::ckks {

// part[0] + part[1] s (+ part[2] s^2) = scale * message + error. Every field travels in the clear.
// Plain data: threads may read one at once.
struct Ciphertext {
  std::array<Poly, 3> part;
  int size = 2;  // parts in use: 3 between a product and its relinearisation
  int level = 0;
  double scale = 1;
  // bound of |error| in every slot, in units of 1/scale (holds but with probability 2^-30)
  double noise = 0;
  ErrorModel random;      // the same error as sums of random terms: a bound that is useful for sums
  double magnitude = 0;   // bound of |message| in every slot
  std::size_t slots = 0;  // the message repeats with this period
  Hash params{};
  // of part[1], while it is the uniform half of a fresh symmetric encryption
  std::optional<Seed> seed;

  double error() const { return noise / scale; }  // worst case of a decrypted slot's error
  // In units of 1/scale, below which every slot's error is but with probability 2^-30.
  double likely_noise() const { return std::min(noise, random.bound(part[0].n() / 2)); }
  double error_bound() const { return likely_noise() / scale; }
  Ciphertext copy() const;
  void assign(const Ciphertext& other);  // keeps storage
};

// Throw Error{invalid} for a ciphertext whose fields and parts do not go together, or one of other
// parameters.
void require_whole(const Ciphertext& ciphertext, const char* verb);
void require(const Context& context, const Ciphertext& ciphertext, const char* verb);

// Threads may share one. A seed is for tests (Randomness). By the secret key (symmetric): less
// noise, half the file. The key must outlive it.
class Encryptor {
 public:
  Encryptor(const Context& context, const PublicKey& key);
  Encryptor(const Context& context, const PublicKey& key, const Seed& seed);
  Encryptor(const Context& context, const SecretKey& key);
  Encryptor(const Context& context, const SecretKey& key, const Seed& seed);
  // Encodes with random rounding and encrypts; the bound does not depend on the values.
  Ciphertext encrypt(Encoder& encoder, std::span<const std::complex<double>> values,
                     EncodingOptions options = {});
  Ciphertext encrypt(Encoder& encoder, std::span<const double> values,
                     EncodingOptions options = {});
  // What was encoded as a public operand gets the largest error that rounding can leave: the
  // measured one would tell about the values.
  void encrypt(const Plaintext& plaintext, Ciphertext& out);
  Ciphertext encrypt(const Plaintext& plaintext);

 private:
  void check() const;
  Ciphertext encrypt_once(const Plaintext& plaintext);
  void encrypt_public(const Plaintext& plaintext, Ciphertext& out);
  void encrypt_symmetric(const Plaintext& plaintext, Ciphertext& out);
  const Context& context_;
  const PublicKey* public_ = nullptr;
  const SecretKey* secret_ = nullptr;
  Randomness random_;
};

}  // namespace pliant::ckks
