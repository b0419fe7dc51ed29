// Decryption, and what must be known before a decryption is shown to others.
#pragma once

#include "machine/encrypted/ckks/keys/ciphertext.h"

namespace pliant::ckks {

// What the client's own plan says of a result, for every field of a ciphertext is a claim of
// whoever sent it. Level, scale and slots are to be met; noise and magnitude (units of Ciphertext)
// are the most that may be claimed, and what the decrypted Plaintext then has. Plain data.
struct Expected {
  int level = 0;
  double scale = 1, noise = 0, magnitude = 0;
  std::size_t slots = 0;
  // standard deviation of the error in a coefficient of the polynomial: what flooding has to hide
  double deviation = 0;
};

// As a ciphertext says that the client trusts: one that it computed by the same plan from
// encryptions of anything, for no field depends on encrypted values.
Expected expected(const Ciphertext& trusted);

// Noise for decryptions that somebody else sees (IND-CPA-D): normal, of the deviation
// sqrt(12 queries) 2^(security / 2) t in every coefficient, t the deviation of the error there (Li,
// Micciancio, Schultz, Sorrell: eprint 2022/816; t as OpenFHE takes it).
struct Flooding {
  double queries = 1;  // decryptions under this key that will ever be shown, 1 to 2^40
  int security =
      30;  // bits that all of them together keep against telling two errors apart: 1 to 128
};

// Keeps nothing between calls: threads may share one. The key must outlive it.
class Decryptor {
 public:
  Decryptor(const Context& context, const SecretKey& key);
  // Believes the ciphertext: for one's own, and for results that nobody else sees.
  Plaintext decrypt(const Ciphertext& ciphertext) const;
  // Throws Error{invalid} naming what differs from the plan.
  Plaintext decrypt(const Ciphertext& ciphertext, const Expected& expected) const;
  // What must be used before a decryption, or anything that depends on its error, is shown to
  // anybody who may know or choose ciphertexts (docs/encrypted.md). Takes the larger of the
  // expected deviation and the one that the ciphertext claims. Throws Error{usage} for a deviation
  // of 0 and for values out of range, Error{capacity} where nothing of the message would be left.
  Plaintext decrypt(const Ciphertext& ciphertext, const Expected& expected,
                    const Flooding& flooding) const;
  Plaintext decrypt(const Ciphertext& ciphertext, const Expected& expected,
                    const Flooding& flooding, RandomStream& stream) const;  // for tests

 private:
  const Context& context_;
  const SecretKey& key_;
};

}  // namespace pliant::ckks
