// Arithmetic on ciphertexts.
#pragma once

#include <map>
#include <vector>

#include "machine/encrypted/ckks/keys/ciphertext.h"
#include "machine/encrypted/ckks/stages.h"

namespace pliant::ckks {

// A ciphertext times P that has not been divided by it yet (double hoisting): two extended
// polynomials. A value: added, multiplied and rotated before one division ends it. Plain data:
// threads may read one at once.
struct Extended {
  std::array<Poly, 2> part;
  int level = 0;
  // as after division by P, whose own rounding is not in `noise`
  double scale = 1, noise = 0, magnitude = 0;
  ErrorModel random;
  std::size_t slots = 0;
  Hash params{};  // zero once it is finished
};

// Every verb checks its operands first and throws Error naming both sides: {invalid} for foreign
// parameters, unequal levels or scales, sizes it does not take; {capacity} for an exhausted level
// or a message that would overflow the modulus; {not_found} for a missing key. `out` may be an
// operand; its storage is reused, so loops do not allocate. Keeps working memory: one evaluator per
// thread, or one with a pool; results are equal at every thread count.
class Evaluator {
 public:
  explicit Evaluator(const Context& context, ThreadPool* pool = nullptr);

  // sizes may differ (lazy relinearisation)
  void add(const Ciphertext& a, const Ciphertext& b, Ciphertext& out);
  void subtract(const Ciphertext& a, const Ciphertext& b, Ciphertext& out);
  void negate(const Ciphertext& a, Ciphertext& out);
  void add(const Ciphertext& a, const Plaintext& b, Ciphertext& out);
  void multiply(const Ciphertext& a, const Plaintext& b, Ciphertext& out);
  void multiply_add(const Ciphertext& a, const Plaintext& b, Ciphertext& sum);  // sum += a b
  // By, and plus, one real number in every slot: nothing is encoded or transformed. The number is
  // rounded to a multiple of 1 / scale of the level; the product's scale is a's times that.
  void multiply(const Ciphertext& a, double by, Ciphertext& out);
  void add(const Ciphertext& a, double plus, Ciphertext& out);
  void multiply(const Ciphertext& a, const Ciphertext& b, Ciphertext& out);  // size 3
  void relinearize(const Ciphertext& a, const KeySet& keys, Ciphertext& out);
  // one division by P q[level]
  void relinearize_rescale(const Ciphertext& a, const KeySet& keys, Ciphertext& out);
  void rescale(const Ciphertext& a, Ciphertext& out);
  void drop_level(const Ciphertext& a, int level, Ciphertext& out);  // same scale, fewer primes
  // To a lower level at that level's scale, by a product with one and a rescale: there it meets
  // other ciphertexts.
  void adjust(const Ciphertext& a, int level, Ciphertext& out);
  // slot i gets slot i + steps
  void rotate(const Ciphertext& a, int steps, const KeySet& keys, Ciphertext& out);
  void conjugate(const Ciphertext& a, const KeySet& keys, Ciphertext& out);

  // Hoisting: raise once, then rotate by many steps.
  void raise(const Ciphertext& a, Raised& out);
  void rotate_raised(const Ciphertext& a, const Raised& raised, int steps, const KeySet& keys,
                     Ciphertext& out);
  void rotate_extended(const Ciphertext& a, const Raised& raised, int steps, const KeySet& keys,
                       Extended& out);
  void extend(const Ciphertext& a, Extended& out);  // P times it
  void add(const Extended& a, const Extended& b, Extended& out);
  // By plaintexts that were encoded with the special primes.
  void multiply(const Extended& a, const Plaintext& b, Extended& out);
  void multiply_add(const Extended& a, const Plaintext& b, Extended& sum);  // sum += a b
  // Divides the second polynomial by P, to switch it: three times the work of rotate_extended.
  void rotate(const Extended& a, int steps, const KeySet& keys, Extended& out);
  // The end of double hoisting: division by P, or by P and q[level] at once. Both use `a` up.
  void finish(Extended& a, Ciphertext& out);
  void finish_rescale(Extended& a, Ciphertext& out);

  double turn_deviation(int level) const;  // of the noise that rotating an Extended adds, in a slot

  const Context& context() const { return context_; }
  SwitchStages& stages() { return stages_; }
  const std::vector<std::uint32_t>& permutation(std::uint32_t galois);  // cached
  void require(const Ciphertext& a, const char* verb) const;            // of these parameters
  // Throws Error{capacity} where a message of this size might overflow the modulus of the level.
  void require_fits(const char* verb, int level, double scale, double magnitude,
                    double noise) const;

  // The scale after a rescale from `level`: the level list's own value when the exact one is within
  // 2^-40 of it; what that moves is `moved`.
  double rescaled(double scale, int level, double magnitude, double& moved) const;

 private:
  void combine(const Ciphertext& a, const Ciphertext& b, bool minus, Ciphertext& out);
  void switched(const Ciphertext& a, const Raised* raised, std::uint32_t galois, int steps,
                const KeySet& keys, Ciphertext& out);
  double switch_deviation(int level) const;
  void times_constant(Ciphertext& a, double constant);
  void divided(ErrorModel& random, u64 source, double by, double deviation, double moved) const;
  void require_whole(const Extended& a, const char* verb) const;
  static void same_level(const char* verb, int a, int b);
  static void same_scale(const char* verb, double a, double b);
  void require_product(const Extended& a, const Plaintext& b) const;
  void finish(Extended& a, bool rescaled, Ciphertext& out);
  void require_two(const Ciphertext& a, const char* verb) const;

  const Context& context_;
  SwitchStages stages_;
  std::array<Poly, 2> sum_;
  ErrorModel random_;
  Poly temporary_;
  Extended turned_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> permutations_;
};

}  // namespace pliant::ckks
