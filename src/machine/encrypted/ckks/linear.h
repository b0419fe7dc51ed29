// Linear transforms of slots by diagonals: y[k] = sum over d of diagonal[d][k] x[k + d].
#pragma once

#include <array>
#include <complex>
#include <map>
#include <vector>

#include "machine/encrypted/ckks/evaluator.h"

namespace pliant::ckks {

// by offset, modulo their length, which is the number of slots
using Diagonals = std::map<int, std::vector<std::complex<double>>>;

struct LinearOptions {
  // of the input; -1: the top one. The output is one level below, at that level's scale
  int level = -1;
  // of the offsets, taken about zero; 0: the greatest that divides all their differences
  int step = 0;
  // baby steps per giant step; 0: the cheapest in time (giant steps cost three times as much)
  int babies = 0;
};

// Working memory of apply(): after a first call, others with the same transform allocate nothing.
// One thread at a time.
struct LinearWorkspace {
  Raised raised, again;
  std::vector<Extended> babies, sums;
  Poly divided;
  std::array<Poly, 2> turned;
  std::vector<const u64*> operands;
  ErrorModel random;
  std::vector<ErrorModel::Term> terms;
};

// Baby-step giant-step: offset = first + step (giant * babies + baby). Diagonals are encoded once,
// with the special primes; those of equal offsets modulo the slots are one. Double hoisting: the
// baby rotations share one mod-up and are not divided by P; each giant step divides one polynomial;
// one division by P q[level] ends all. Immutable: threads may share one, each with an evaluator and
// a workspace of its own.
class LinearTransform {
 public:
  // Throws Error{usage} for no diagonals, unequal lengths, offsets that do not differ by multiples
  // of the step; Error{invalid} for an encoder of other parameters.
  LinearTransform(const Context& context, Encoder& encoder, const Diagonals& diagonals,
                  const LinearOptions& options = {});

  // steps that need keys, at the level of the input; never 0
  const std::vector<int>& rotations() const { return rotations_; }
  int level() const { return level_; }
  std::size_t bytes() const;  // of the encoded diagonals

  void apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys, Ciphertext& out) const;
  void apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys, LinearWorkspace& work,
             Ciphertext& out) const;
  // The same sum from one single-hoisted, divided rotation per diagonal: for comparison, and when
  // keys for all offsets are at hand.
  void apply_single_hoisted(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                            Ciphertext& out) const;
  std::vector<int> offsets() const;

 private:
  struct Term {
    std::size_t baby = 0;  // of babies_
    Plaintext diagonal;    // rotated back by the giant step
  };
  struct Giant {
    int steps = 0;
    std::vector<Term> terms;
    double root = 0;  // of the largest sum of squares in a row, of diagonals with rotated babies
  };
  void require(const Ciphertext& in, const Evaluator& evaluator) const;
  void turn(const Plaintext& from, const std::vector<std::uint32_t>& index, Plaintext& to) const;
  void carry(const Ciphertext& in, LinearWorkspace& work) const;
  void sum_products(LinearWorkspace& work, SwitchStages& stages) const;
  void add_rotated(Extended& sum, int steps, Evaluator& evaluator, const KeySet& keys,
                   LinearWorkspace& work) const;

  const Context& context_;
  int level_ = 0;
  std::size_t slots_ = 0;
  std::vector<int> babies_, rotations_;  // steps
  std::vector<Giant> giants_;            // the first does not rotate
  // Of the matrix: the largest sum of a row's absolute values, the root of the largest sum of its
  // squares, of all diagonals and of those with rotated babies; and the encoding errors of all,
  // over their scale.
  double gain_ = 0, root_ = 0, rotated_root_ = 0, rounding_ = 0;
};

}  // namespace pliant::ckks
