// Several sums of several rotated ciphertexts times diagonals, by double hoisting.
#pragma once

#include <array>
#include <complex>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/evaluator.h"

namespace pliant::ckks {

// One product of a linear map: rotate(diagonal * rotate(source, baby), giant), a term of `result`.
// Steps are taken modulo the slots.
struct LinearTerm {
  int result = 0, source = 0;
  std::int64_t giant = 0, baby = 0;
};

struct LinearMapOptions {
  int level = -1;  // of the sources; -1: the top one. Results are one level below
  // Where it is not zero: giants are multiples of it, and are done one after the other from the
  // farthest inwards, each way by rotations of this one distance (Horner): one key, or two, for
  // all.
  std::int64_t stride = 0;
};

// Working memory of apply(): after a first call, others with the same map allocate nothing. One
// thread at a time.
struct LinearWorkspace {
  Raised raised;
  std::vector<Extended> babies, sums;
  Poly switched;
  std::vector<const u64*> operands;
  ErrorModel random;
  std::vector<ErrorModel::Term> terms;
  std::vector<u64> names;
  std::function<void()> watch;  // called before every rotation, where there is one; it may throw
};

// Each source is raised once, and its babies, which are not divided by P, serve all results. Each
// giant step divides one polynomial, and one division by P q[level] ends a result. Immutable:
// threads may share one, each with an evaluator and a workspace of its own.
class LinearMap {
 public:
  using Values = std::function<std::span<const std::complex<double>>(std::size_t term)>;

  // values(i) is the diagonal of term i, of as many values as all others, valid until the next
  // call. Throws Error{usage} for no terms, unequal or wrong lengths, a level below 1, giants that
  // the stride does not divide; Error{invalid} for an encoder of other parameters.
  LinearMap(const Context& context, Encoder& encoder, std::vector<LinearTerm> terms,
            const Values& values, const LinearMapOptions& options = {});

  std::size_t sources() const { return sources_; }
  std::size_t results() const { return results_.size(); }
  int level() const { return level_; }
  // steps that need keys, at the level of the sources: 1 to slots - 1, ascending
  const std::vector<int>& rotations() const { return rotations_; }
  std::size_t bytes() const;  // of the encoded diagonals
  const Plaintext& diagonal(std::size_t term) const { return diagonals_[term]; }

  // Throws Error{invalid} for sources that do not fit the map or each other, and for an evaluator
  // of other parameters.
  void require(std::span<const Ciphertext* const> in, const Evaluator& evaluator) const;
  // As many ciphertexts in and out as there are sources and results; no result may be a source.
  // No slot of a result exceeds `magnitude`, the caller may know. Throws what require() does,
  // Error{not_found} for a missing key, before any work.
  void apply(std::span<const Ciphertext* const> in, Evaluator& evaluator, const KeySet& keys,
             LinearWorkspace& work, std::span<Ciphertext* const> out,
             double magnitude = std::numeric_limits<double>::infinity()) const;

 private:
  struct Baby {
    int source = 0, steps = 0;
  };
  struct Place {  // what is summed before it is turned
    std::int64_t giant = 0;
    int turned = 0;  // how far in all, modulo the slots of the ring
    std::vector<std::size_t> terms;
    std::vector<double> root;  // by source: of the largest sum of squares in a row, of terms with
                               // rotated babies
  };
  struct Move {
    std::size_t from = 0, to = 0;
    int steps = 0;
  };
  struct Result {
    std::vector<Place> places;  // the first stays where it is
    std::vector<Move> moves;
    // By source, of its matrix: the largest sum of a row's absolute values, and the root of the
    // largest sum of its squares; the encoding errors of all its diagonals, over their scale.
    std::vector<double> gain, root, rounding;
    double rotated_root = 0;  // of all sources, of terms with rotated babies
  };
  struct Shares;
  int steps(std::int64_t by) const;  // modulo the slots
  std::size_t baby(int source, std::int64_t by);
  void arrange(Result& result, std::int64_t stride) const;
  void measure(Result& result, const std::vector<std::vector<double>>& sizes) const;
  std::vector<double> encode(Encoder& encoder, std::size_t term,
                             std::span<const std::complex<double>> values);
  void list_rotations();
  void sum_products(const Result& result, double scale, LinearWorkspace& work,
                    SwitchStages& stages) const;
  void carry(std::span<const Ciphertext* const> in, const Result& result, double turned,
             LinearWorkspace& work) const;

  const Context& context_;
  int level_ = 0;
  std::size_t slots_ = 0, sources_ = 0;
  double scale_ = 1;  // of the diagonals
  std::vector<LinearTerm> terms_;
  std::vector<Plaintext> diagonals_;  // by term
  std::vector<std::size_t> baby_of_;  // by term: of babies_
  std::vector<Baby> babies_;          // by source
  std::vector<Result> results_;
  std::vector<int> rotations_;
};

}  // namespace pliant::ckks
