// Slots <-> plaintext polynomials.
#pragma once

#include <complex>
#include <optional>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/context/context.h"
#include "machine/encrypted/ckks/ring/poly.h"

namespace pliant::ckks {

// An encoded vector, transformed, at one level and scale. Plain data: threads may read one at once.
struct Plaintext {
  Poly poly;  // level + 1 limbs; in an extended plaintext the special primes follow
  int level = 0;
  bool extended = false;
  double scale = 1;
  std::size_t slots = 0;  // encoded values; the vector repeats to N/2
  double bound = 0;       // of |value|: declared or measured
  double noise = 0;       // bound of the error of scale * value in every slot
  // Standard deviation of its random part in a slot, and that part's source: after random rounding.
  double deviation = 0;
  u64 source = 0;
  Hash params{};
};

// A public vector that is encoded but not transformed: it takes 8 bytes for each coefficient that
// carries slots, at any level. Plain data: threads may read one at once.
struct Rounded {
  Plaintext fields;                  // of what it stands for, without limbs
  std::vector<double> coefficients;  // 2 fields.slots integers; between them are zeros
  std::size_t bytes() const { return coefficients.size() * sizeof(double); }
};

// Limb i of what it stands for, transformed, and all limbs. These keep nothing: threads may share
// what they read.
void expand(const Context& context, const Rounded& rounded, std::size_t i, u64* limb);
void expand(const Context& context, const Rounded& rounded, Plaintext& out);

// Throws Error{invalid} for a plaintext of other parameters, or whose fields and limbs do not go
// together.
void require(const Context& context, const Plaintext& plaintext, const char* verb);

struct EncodingOptions {
  int level = -1;    // -1: the top one
  double scale = 0;  // 0: the scale of the level
  // of |value|; absent: the parameters' magnitude. Values beyond it are refused.
  std::optional<double> bound = {};
  bool extended = false;  // with limbs of the special primes, for double hoisting
  // Public operands are rounded to nearest, and the error that leaves is measured. What will be
  // encrypted is rounded at random by a stream, up or down with the mean where it was: then the
  // bound holds whatever the values are, and tells nothing about them. Encryptor::encrypt does
  // that.
  RandomStream* dither = nullptr;
};

// How the error of rounding a public operand is stated: as it is, or as large as rounding any
// values within the bound could make it, for a rehearsal whose bounds have to hold for others.
enum class RoundingClaim : std::uint8_t { measured, largest };

// Not thread-safe: it keeps its working memory, which holds the last message until it goes and is
// wiped then.
class Encoder {
 public:
  explicit Encoder(const Context& context, RoundingClaim claim = RoundingClaim::measured)
      : context_(context), claim_(claim) {}
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // values.size() is a power of two up to N/2. Throws Error{invalid} for NaN, infinity, a value
  // beyond the bound, a scale at which the values would not fit the modulus; Error{usage} for a
  // wrong count, level, bound or scale.
  void encode(std::span<const std::complex<double>> values, const EncodingOptions& options,
              Plaintext& out);
  void encode(std::span<const double> values, const EncodingOptions& options, Plaintext& out);
  Plaintext encode(std::span<const std::complex<double>> values,
                   const EncodingOptions& options = {});
  Plaintext encode(std::span<const double> values, const EncodingOptions& options = {});

  // The same of a public operand, untransformed; values that repeat are held once. Throws as
  // encode() does.
  void round(std::span<const std::complex<double>> values, const EncodingOptions& options,
             Rounded& out);

  std::vector<std::complex<double>> decode(const Plaintext& plaintext);
  std::vector<double> decode_real(const Plaintext& plaintext);  // real parts
  const Context& context() const { return context_; }

 private:
  void wipe();
  void take(std::size_t slots);
  void take(std::span<const std::complex<double>> values);
  void check(Plaintext& out, const EncodingOptions& options);
  void check_slot(std::size_t i, double bound) const;
  void fill(Plaintext& out, const EncodingOptions& options);
  void to_integers(Plaintext& out, RandomStream* dither);
  void expand(Plaintext& out) const;
  void recompose(const Plaintext& plaintext);
  void recompose_wide(const Plaintext& plaintext);
  void to_slots(const Plaintext& plaintext);
  const Context& context_;
  RoundingClaim claim_;
  // Slots as real and then imaginary parts, or coefficients; what rounding left; between stages.
  std::vector<double> values_, residues_, work_;
  Poly limbs_;
};

double largest(std::span<const double> values);  // max |value|: the bound of public operands
double largest(std::span<const std::complex<double>> values);

}  // namespace pliant::ckks
