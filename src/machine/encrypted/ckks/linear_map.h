// Several sums of several rotated ciphertexts times diagonals, by double hoisting.
#pragma once

#include <array>
#include <complex>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/diagonal_store.h"
#include "machine/encrypted/ckks/evaluator.h"

namespace pliant::ckks {

// One product of a linear map: rotate(diagonal * rotate(source, baby), giant), a term of `result`.
// Steps are taken modulo the slots.
struct LinearTerm {
  int result = 0, source = 0;
  std::int64_t giant = 0, baby = 0;
  int diagonal = -1;  // terms of one number, which is not negative, have the same one
};

constexpr std::size_t kExpandedBytes = std::size_t{256} << 20;

struct LinearMapOptions {
  int level = -1;  // of the sources; -1: the top one. Results are one level below
  // Where it is not zero: giants are multiples of it, and are done one after the other from the
  // farthest inwards, each way by rotations of this one distance (Horner): one key, or two, for
  // all.
  std::int64_t stride = 0;
  // Whether rotated sources are divided by P before they are multiplied. That is a division for
  // each, and spares the special primes of diagonals and products. Absent: what takes less time.
  std::optional<bool> divided = {};
  // Of diagonals that are held transformed. Others are transformed in each run, which takes a run
  // of many diagonals about twice the time, and as coefficients hold 8 N bytes at most.
  std::size_t expanded_bytes = kExpandedBytes;
};

// Working memory of apply(): after a first call, others with the same map allocate nothing. One
// thread at a time.
struct LinearWorkspace {
  Raised raised;
  Extended rotated;  // a source, before it is divided
  std::vector<std::array<Poly, 2>> babies, sums;
  std::vector<std::array<const Poly*, 2>> multiplied;  // babies, or the sources themselves
  std::array<std::array<Poly, 2>, 2> turned;           // what giant steps brought to a place
  Extended whole;
  Ciphertext plain;
  Poly switched, expanded;
  std::vector<const u64*> operands;
  ErrorModel random;
  std::vector<ErrorModel::Term> terms;
  std::vector<u64> names;
  std::function<void()> watch;  // called before every rotation, where there is one; it may throw
};

// Each source is raised once, and its babies serve all results. Sums of undivided babies are
// undivided, and each giant step divides one polynomial of them; of divided ones only where a giant
// step brought something before. One division by P q[level] ends a result. Immutable: threads may
// share one, each with an evaluator and a workspace of its own.
class LinearMap {
 public:
  using Values = std::function<std::span<const std::complex<double>>(std::size_t term)>;

  // values(i) is the diagonal of term i, of as many values as all others, valid until the next
  // call; of terms that share one any may be asked for. Throws Error{usage} for no terms, unequal
  // or wrong lengths, a level below 1, giants that the stride does not divide; Error{invalid} for
  // an encoder of other parameters.
  LinearMap(const Context& context, Encoder& encoder, std::vector<LinearTerm> terms,
            const Values& values, const LinearMapOptions& options = {});

  std::size_t sources() const { return sources_; }
  std::size_t results() const { return results_.size(); }
  int level() const { return level_; }
  // steps that need keys, at the level of the sources: 1 to slots - 1, ascending
  const std::vector<int>& rotations() const { return rotations_; }
  std::size_t bytes() const { return diagonals_.bytes(); }  // of the encoded diagonals
  std::size_t expanded_bytes() const { return diagonals_.expanded_bytes(); }  // of transformed ones
  bool divided() const { return divided_; }
  // What is known of a term's diagonal, without limbs; and all of it, without special primes.
  const Plaintext& fields(std::size_t term) const { return diagonals_.fields(diagonal_of_[term]); }
  void expand(std::size_t term, Plaintext& out) const;

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
    std::vector<std::size_t> held, folded;  // of them, by how their diagonals are held
    std::vector<double> root;  // by source: of the largest sum of squares in a row, of terms with
                               // rotated babies
  };
  struct Move {
    std::size_t from = 0, to = 0;
    int steps = 0;
    // Where what giant steps brought to these places is summed: 0 in the result, 1 and 2 beside;
    // -1 where none did. `to` has something already.
    int from_sum = -1, to_sum = 0;
    bool adds = false;
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
  struct Turned {  // what the moves of a result add to the error
    double noise = 0, squares = 0;
  };
  int steps(std::int64_t by) const;  // modulo the slots
  std::size_t baby(int source, std::int64_t by);
  void arrange(Result& result, std::int64_t stride) const;
  void measure(Result& result, const std::vector<std::vector<double>>& sizes) const;
  bool pays_to_divide() const;
  std::vector<double> sizes_of(std::span<const std::complex<double>> values);
  void encode(Encoder& encoder, std::size_t term, std::span<const std::complex<double>> values,
              double bound);
  void sort_terms();
  void list_rotations();
  std::size_t limbs() const { return level_ + 1 + (divided_ ? 0 : context_.special()); }
  void rotate_sources(std::span<const Ciphertext* const> in, Evaluator& evaluator,
                      const KeySet& keys, LinearWorkspace& work) const;
  void sum_products(const Result& result, LinearWorkspace& work, SwitchStages& stages) const;
  void add_folded(const Place& place, std::size_t limb, std::array<Poly, 2>& sum,
                  LinearWorkspace& work) const;
  Turned turn(const Result& result, Evaluator& evaluator, const KeySet& keys,
              LinearWorkspace& work) const;
  void carry(std::span<const Ciphertext* const> in, const Result& result, const Turned& turned,
             LinearWorkspace& work) const;
  void finish(const Result& result, Evaluator& evaluator, LinearWorkspace& work,
              Ciphertext& out) const;

  const Context& context_;
  int level_ = 0;
  bool divided_ = false;
  std::size_t slots_ = 0, sources_ = 0;
  double scale_ = 1;  // of the diagonals
  std::vector<LinearTerm> terms_;
  DiagonalStore diagonals_;
  std::map<int, std::size_t> shared_;               // by LinearTerm::diagonal: of diagonals_
  std::vector<std::size_t> diagonal_of_, baby_of_;  // by term: of diagonals_, of babies_
  std::vector<Baby> babies_;                        // by source
  std::vector<Result> results_;
  std::vector<int> rotations_;
};

}  // namespace pliant::ckks
