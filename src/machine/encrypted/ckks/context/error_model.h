// The error in the slots of a ciphertext, as far as it is random: docs/encrypted.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/ring/poly.h"

namespace pliant::ckks {

// The error in slot j is a fixed part of at most bias(), a part of which only the size is known,
// and terms. A term stems from slot j + offset of its source, a random event (an encryption, or the
// noise and rounding of an operation), and has at most its amplitude as standard deviation. Of one
// source and one of its slots, terms may be equal: their amplitudes add. All others are
// uncorrelated: their squares add. So sums of rotations, products and copies of one ciphertext are
// never taken as more independent than they are. Units are those of Ciphertext::noise.
// Plain data: threads may read one at once.
class ErrorModel {
 public:
  struct Term {
    u64 source = 0;
    std::uint32_t offset = 0;
    double amplitude = 0;
    friend bool operator==(const Term&, const Term&) = default;
  };
  // Those of one slot, in order of source and offset. More than kMost become unknown.
  static constexpr std::size_t kMost = std::size_t{1} << 18;
  std::span<const Term> terms() const { return terms_; }
  double bias() const { return bias_; }
  double unknown() const { return unknown_; }  // may be correlated with anything
  double unknown_peak() const { return unknown_peak_; }

  double deviation() const;  // standard deviation of the error in a slot, beside the bias
  // Every source has one term, and nothing is unknown: slots have nothing in common.
  bool uncorrelated() const;
  double peak() const;  // of its largest independent contribution
  // Standard deviation of a coefficient of the polynomial of `n` coefficients.
  double coefficient_deviation(std::size_t n) const;
  // The error is beyond it in one of `slots` slots with a probability below 2^-30.
  double bound(std::size_t slots) const;

  void clear();
  void assign(const ErrorModel& other);  // keeps storage
  void scale(double by);
  void rotate(int steps, std::size_t slots);  // slot j gets slot j + steps
  void add(const ErrorModel& other);
  void add_bias(double bias) { bias_ += bias; }
  void add_unknown(double deviation, double peak);
  void add_source(u64 source, double deviation);  // at offset 0
  void set_terms(std::span<const Term> terms);    // nothing else, in any order
  // What is known of the deviation besides the terms: operations that see more of their operands
  // than the largest value.
  void cap(double deviation) { limit_ = std::min(limit_, deviation); }
  void forget();  // all terms become unknown

 private:
  void combine();
  double bias_ = 0, unknown_ = 0, unknown_peak_ = 0;
  double limit_ = 0;  // of the deviation: sums add it as if all were correlated
  std::vector<Term> terms_;
};

// The name of a source: what was done, and the polynomial it was done to, from which noise and
// rounding follow. It is the same for the negated polynomial and at lower levels.
enum class Event : u64 { encryption = 1, switching = 2, giant = 3, division = 4 };
u64 source_of(Event event, const Poly& poly, const Modulus& first);  // `first`: of limb 0

}  // namespace pliant::ckks
