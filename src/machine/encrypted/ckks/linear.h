// Linear transforms of slots by diagonals: y[k] = sum over d of diagonal[d][k] x[k + d].
#pragma once

#include <complex>
#include <map>
#include <vector>

#include "machine/encrypted/ckks/linear_map.h"

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
  std::optional<bool> divided = {};  // as LinearMapOptions has them
  std::size_t expanded_bytes = kExpandedBytes;
};

// Baby-step giant-step: offset = first + step (giant * babies + baby). Diagonals are encoded once;
// those of equal offsets modulo the slots are one. Immutable: threads may
// share one, each with an evaluator and a workspace of its own.
class LinearTransform {
 public:
  // Throws Error{usage} for no diagonals, unequal lengths, offsets that do not differ by multiples
  // of the step; Error{invalid} for an encoder of other parameters.
  LinearTransform(const Context& context, Encoder& encoder, const Diagonals& diagonals,
                  const LinearOptions& options = {});

  // steps that need keys, at the level of the input: 1 to slots - 1
  const std::vector<int>& rotations() const { return map_.rotations(); }
  int level() const { return map_.level(); }
  std::size_t bytes() const { return map_.bytes(); }  // of the encoded diagonals

  void apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys, Ciphertext& out) const;
  void apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys, LinearWorkspace& work,
             Ciphertext& out) const;
  // The same sum from one single-hoisted, divided rotation per diagonal: for comparison, and when
  // keys for all offsets are at hand.
  void apply_single_hoisted(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                            Ciphertext& out) const;
  std::vector<int> offsets() const;

 private:
  struct Split {  // what is to be encoded, by offset
    std::vector<LinearTerm> terms;
    std::vector<std::vector<std::complex<double>>> diagonals;
  };
  static Split split(const Context& context, const Diagonals& diagonals,
                     const LinearOptions& options);
  LinearTransform(const Context& context, Encoder& encoder, const Split& split,
                  const LinearOptions& options);
  void turn(const Plaintext& from, const std::vector<std::uint32_t>& index, Plaintext& to) const;

  const Context& context_;
  std::vector<LinearTerm> terms_;
  LinearMap map_;
};

}  // namespace pliant::ckks
