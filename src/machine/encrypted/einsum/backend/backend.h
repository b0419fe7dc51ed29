// Where a program runs: the interface to put a library of homomorphic encryption behind.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/program/disturbance.h"
#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// A back end has one parameter set: levels 0 to levels(), and one scale for every level, at which
// the ciphertexts of that level meet. It makes its own ciphertexts and plaintexts; nobody else
// looks into them, and each stays valid as long as somebody holds it. An object of another back end
// is Error{invalid}; a level or size that does not fit an operation too, a missing key
// Error{not_found}, an exhausted modulus Error{capacity}.
//
// Only the first group must be written for a new library; the second has slower definitions by the
// first. One thread at a time.
class Backend {
 public:
  struct Object {
    virtual ~Object() = default;
    virtual std::size_t bytes() const { return 0; }  // that it occupies, where that is known
  };
  using Cipher = std::shared_ptr<Object>;
  using Plaintext = std::shared_ptr<const Object>;
  using Ready = std::shared_ptr<const Object>;  // a transform

  using Values = std::function<std::span<const double>(std::size_t term)>;

  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual std::int64_t slots() const = 0;
  virtual int levels() const = 0;

  virtual void make_keys(const KeyNeed& need) = 0;  // in addition to those it has
  // `values` has slots() elements of at most `bound`; `level` counts from 0, the last one.
  virtual Plaintext encode(std::span<const double> values, int level, double bound) = 0;
  virtual Cipher encrypt(std::span<const double> values, int level, double bound) = 0;
  virtual std::vector<double> decrypt(const Cipher& a) = 0;
  virtual double error(const Cipher& a) const = 0;  // bound, in every decrypted slot

  virtual Cipher add(const Cipher& a, const Cipher& b) = 0;  // equal levels, scales and parts
  virtual Cipher add_plain(const Cipher& a, const Plaintext& b) = 0;  // likewise
  virtual Cipher negate(const Cipher& a) = 0;
  virtual Cipher multiply(const Cipher& a, const Cipher& b) = 0;  // three parts, scale squared
  virtual Cipher multiply_plain(const Cipher& a, const Plaintext& b) = 0;  // scale squared
  virtual Cipher relinearize(const Cipher& a) = 0;
  virtual Cipher rescale(const Cipher& a) = 0;
  virtual Cipher lower(const Cipher& a, int level) = 0;            // at that level's scale
  virtual Cipher rotate(const Cipher& a, std::int64_t steps) = 0;  // slot i gets slot i + steps

  // A run says which keys the next step is the first to use, and which no later one will: a back
  // end that keeps its keys elsewhere has them at hand only between the two. Otherwise nothing.
  virtual void load_keys(const KeyNeed& need);
  virtual void free_keys(const KeyNeed& need);
  virtual Cipher relinearize_rescale(const Cipher& a);
  // Of one ciphertext by each of `steps` (hoisting).
  virtual std::vector<Cipher> rotate_many(const Cipher& a, std::span<const std::int64_t> steps);
  // As `how` says, of the ciphertexts in its place, all of `level`; values(i) are the slots of term
  // i's plaintext, until the next call. Each is encoded when it is wanted and kept no longer. No
  // sum of any of the terms exceeds `magnitude` in any slot.
  virtual std::vector<Cipher> transform(std::span<const Cipher> of, const Transform& how,
                                        const Values& values, int level, double magnitude);
  // The same in two parts, for transforms that are done many times: all plaintexts are encoded.
  virtual Ready prepare(const Transform& how, const Values& values, int level);
  virtual std::vector<Cipher> transform(std::span<const Cipher> of, const Ready& how,
                                        double magnitude);
  // Of complex slots, for plans that have halves of a tensor in them (PlannedInput::halved); every
  // other operation does with them what it does with real ones. By default Error{unsupported}.
  virtual Cipher encrypt_complex(std::span<const std::complex<double>> values, int level,
                                 double bound);
  virtual std::vector<std::complex<double>> decrypt_complex(const Cipher& a);
  // With these two a plan's gains bound the error of its elements more sharply than error() does.
  // The standard deviation of what such an operation adds to a slot; and the largest part of it
  // that is not random, of all by which `a` was made. In units of the value, relative where
  // Disturbance says so; infinite where it is not known.
  virtual double deviation(const Disturbance& of) const;
  virtual double fixed(const Cipher& a, const Disturbance& of) const;
  // Of a ciphertext's errors, how many are followed one by one, which takes time in sums; 0: none.
  virtual std::int64_t most_errors() const;
  // The caller knows that no slot exceeds `magnitude`: a bound that sums and products are checked
  // by, where the own one is larger.
  virtual void tighten(const Cipher& a, double magnitude);
  // To be called now and then in long operations; it may throw, which ends them.
  virtual void watch(const std::function<void()>& between);
};

double largest(std::span<const double> values);  // |value|

}  // namespace pliant::einsum
