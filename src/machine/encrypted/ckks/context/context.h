// A validated parameter set and everything precomputed from it. Immutable; shared by keys,
// ciphertexts, evaluators and threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "machine/encrypted/ckks/context/embedding.h"
#include "machine/encrypted/ckks/context/error_model.h"
#include "machine/encrypted/ckks/context/params.h"
#include "machine/encrypted/ckks/ring/basis.h"

namespace pliant::ckks {

// Of a coefficient: ternary; uniform in [-1/2, 1/2].
constexpr double kSecretDeviation = 0.81649658092772603;
constexpr double kRoundingDeviation = 0.28867513459481287;

// What key switching needs at one level.
struct Digit {
  std::size_t first = 0, count = 0;  // primes q[first .. first+count)
  // to the other primes of the level, in order, then the special ones
  Conversion up;
  // half the digit's product: bound of its centred representative
  double half = 0;
};
struct Level {
  std::vector<Digit> digits;
  Conversion down;                        // special primes -> q[0..level]
  std::vector<ShoupFactor> down_factor;   // P^-1 mod q[i]
  Conversion drop;                        // q[level] -> q[0..level): the rescale
  std::vector<ShoupFactor> drop_factor;   // q[level]^-1 mod q[i]
  Conversion fused;                       // special primes and q[level] -> q[0..level)
  std::vector<ShoupFactor> fused_factor;  // (P q[level])^-1 mod q[i]
};

class Context {
 public:
  // Throws Error{usage} for parameters out of range, Error{unsupported} for an insecure set without
  // the test flag. With that flag `log` is told so now, by each evaluator, and on each use of a
  // key; it must outlive the context. Without one standard error is told, once.
  explicit Context(const Params& params, const Kernels& kernels = best_kernels(),
                   Log* log = nullptr);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Params& params() const { return params_; }
  const Hash& hash() const { return hash_; }
  const Kernels& kernels() const { return kernels_; }
  const Embedding& embedding() const { return embedding_; }

  std::size_t n() const { return std::size_t{1} << params_.log_n; }
  std::size_t slots() const { return n() / 2; }
  int levels() const { return params_.levels; }
  // `level`, or the top one for -1. Throws Error{usage} for others that do not exist.
  int top(int level, const char* place) const;
  std::size_t special() const { return special_; }
  double modulus_bits() const { return modulus_bits_; }  // ckks::modulus_bits
  bool secure() const { return secure_; }
  void use(const char* what) const;  // warns in the log if the set is insecure

  // q[0..levels], then the special primes
  const NttTable& table(std::size_t i) const { return tables_[i]; }
  const Modulus& modulus(std::size_t i) const { return tables_[i].mod; }
  const NttTable& q(int i) const { return tables_[i]; }
  const NttTable& p(std::size_t i) const { return tables_[params_.levels + 1 + i]; }
  // The table of limb i of an extended polynomial at `level`: q[0..level], then the special primes.
  const NttTable& extended(int level, std::size_t i) const {
    const std::size_t own = level + 1;
    return i < own ? tables_[i] : p(i - own);
  }
  ShoupFactor p_mod(int i) const { return p_mod_[i]; }  // P mod q[i]
  const Level& level(int l) const { return levels_[l]; }
  double scale(int l) const { return scales_[l]; }  // where ciphertexts of level l meet
  double log_q(int l) const { return log_q_[l]; }   // log2 of q[0] ... q[l]
  double p_size() const { return p_size_; }         // P as a double

  // 5^steps mod 2N (steps may be negative), and 2N - 1 for conjugation.
  std::uint32_t galois(int steps) const;
  std::uint32_t conjugation() const { return static_cast<std::uint32_t>(2 * n() - 1); }

  // Bounds of the canonical norm of random polynomials: docs/encrypted.md.
  double norm_of(double deviation) const;  // independent coefficients of this deviation
  double secret_norm() const { return norm_of(kSecretDeviation); }
  // of coefficients uniform in [-1/2, 1/2]
  double rounding_norm() const { return norm_of(kRoundingDeviation); }
  double switch_noise(int level) const;  // of the inner product with a key, before division by P
  // of mod-down or rescale, of a ciphertext of that many parts
  double division_noise(int parts = 2) const;

  // Standard deviations of a slot of such polynomials; a product's is the factors' product.
  double deviation_of(double deviation) const;
  double encryption_deviation(bool by_public_key) const;
  double switch_deviation(int level) const;  // before division by P
  double division_deviation(int parts = 2) const;
  u64 source_of(Event event, const Poly& poly) const {
    return ckks::source_of(event, poly, modulus(0));
  }

 private:
  void check() const;
  void check_security();
  std::string warning(const std::string& who) const;
  void build_level(int l);
  std::vector<Modulus> moduli(std::size_t first, std::size_t count) const;

  Params params_;
  const Kernels& kernels_;
  Log* log_;
  Hash hash_{};
  Embedding embedding_;
  std::size_t special_ = 0;
  double modulus_bits_ = 0, p_size_ = 1;
  bool secure_ = true;
  std::vector<NttTable> tables_;
  std::vector<ShoupFactor> p_mod_;
  std::vector<double> scales_, log_q_;
  std::vector<Level> levels_;
};

// Throws Error{invalid} naming both hashes when an object belongs to other parameters.
void require_same(const Context& context, const Hash& params, const char* verb, const char* what);

// What is said of an object whose fields do not go together.
[[noreturn]] void contradicts(const char* verb, const char* what, const std::string& problem);

}  // namespace pliant::ckks
