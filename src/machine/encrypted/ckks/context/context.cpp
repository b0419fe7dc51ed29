#include "machine/encrypted/ckks/context/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "core/checked.h"
#include "core/error.h"
#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/ring/ntt.h"
#include "machine/encrypted/ckks/ring/primes.h"

namespace pliant::ckks {

Context::Context(const Params& params, const Kernels& kernels, Log* log)
    : params_(in_range(params)), kernels_(kernels), log_(log), embedding_(params.log_n, kernels) {
  const PrimeChain chain =
      find_chain(params.log_n, params.levels, params.scale_bits, params.first_bits, params.digits);
  hash_ = ckks::hash(params);
  scales_ = chain.scales;
  special_ = chain.p.size();
  modulus_bits_ = ckks::modulus_bits(params);
  for (const u64 q : chain.q) log_q_.push_back((log_q_.empty() ? 0 : log_q_.back()) + std::log2(q));
  for (const u64 p : chain.p) p_size_ *= p;
  check_security();
  for (const std::vector<u64>* primes : {&chain.q, &chain.p})
    for (const u64 prime : *primes) tables_.push_back(ntt_table(prime, params.log_n));
  for (std::size_t i = 0; i < chain.q.size(); ++i) {
    const Modulus& m = modulus(i);
    u64 product = 1;
    for (const u64 p : chain.p) product = multiply(product, reduce(p, m), m);
    p_mod_.push_back(factor(product, m));
  }
  for (int l = 0; l <= params.levels; ++l) build_level(l);
}

void Context::check_security() {
  const int bound = max_modulus_bits(params_.log_n, params_.security);
  secure_ = modulus_bits_ <= bound;
  if (!secure_ && !params_.insecure_for_tests)
    throw Error(
        ErrorKind::unsupported, "ckks parameters",
        fmt::format("log2(QP) = {:.1f} bits ({} special primes counted) exceeds the {} bits of N = "
                    "2^{} at {} bits of classical security",
                    modulus_bits_, special_, bound, params_.log_n, params_.security),
        "take a larger log_n, fewer levels or smaller primes; tests may set insecure_for_tests");
  if (log_ == nullptr && !secure_) Log(std::cerr, LogLevel::warning, false).warning(warning(""));
  use("these parameters");
}

std::string Context::warning(const std::string& who) const {
  return fmt::format("{}INSECURE parameters, for tests only ({})", who, describe(params_));
}

void Context::use(const char* what) const {
  if (!secure_ && log_ != nullptr) log_->warning(warning(fmt::format("{}: ", what)));
}

std::vector<Modulus> Context::moduli(std::size_t first, std::size_t count) const {
  std::vector<Modulus> result;
  for (std::size_t i = first; i < first + count; ++i) result.push_back(modulus(i));
  return result;
}

void Context::build_level(int l) {
  const std::size_t own = l + 1;
  const std::size_t all = params_.levels + 1;
  const std::size_t width = ceil_div(params_.levels + 1, params_.digits);
  const std::vector<Modulus> q = moduli(0, own), p = moduli(all, special_);
  Level level;
  for (std::size_t first = 0; first < own; first += width) {
    Digit digit{first, std::min(width, own - first), {}, 0.5};
    std::vector<Modulus> others;
    for (std::size_t i = 0; i < own; ++i) {
      if (i < first || i >= first + digit.count) others.push_back(q[i]);
      else digit.half *= q[i].q;
    }
    others.insert(others.end(), p.begin(), p.end());
    digit.up = Conversion(moduli(first, digit.count), others);
    level.digits.push_back(std::move(digit));
  }
  const auto inverses = [&](const std::vector<Modulus>& of, std::size_t count) {
    std::vector<ShoupFactor> factors;
    for (std::size_t i = 0; i < count; ++i) {
      u64 product = 1;
      for (const Modulus& m : of) product = multiply(product, reduce(m.q, q[i]), q[i]);
      factors.push_back(factor(ckks::inverse(product, q[i]), q[i]));
    }
    return factors;
  };
  level.down = Conversion(p, q);
  level.down_factor = inverses(p, own);
  if (l > 0) {
    const std::vector<Modulus> last = moduli(own - 1, 1), rest = moduli(0, own - 1);
    std::vector<Modulus> both = p;
    both.push_back(last[0]);
    level.drop = Conversion(last, rest);
    level.drop_factor = inverses(last, own - 1);
    level.fused = Conversion(both, rest);
    level.fused_factor = inverses(both, own - 1);
  }
  levels_.push_back(std::move(level));
}

void require_same(const Context& context, const Hash& params, const char* verb, const char* what) {
  if (params == context.hash()) return;
  throw Error(
      ErrorKind::invalid, fmt::format("ckks {}", verb),
      fmt::format("{} belongs to parameters {}, not {}", what, hex(params), hex(context.hash())));
}

void contradicts(const char* verb, const char* what, const std::string& problem) {
  throw Error(ErrorKind::invalid, fmt::format("ckks {}", verb),
              fmt::format("{} contradicts itself: {}", what, problem),
              "use it as it was made or read");
}

int Context::top(int level, const char* place) const {
  if (level < -1 || level > levels())
    throw Error(ErrorKind::usage, place,
                level < 0
                    ? fmt::format("level {} is negative", level)
                    : fmt::format("level {} is above the {} of the parameters", level, levels()),
                "give -1 for the top level");
  return level == -1 ? levels() : level;
}

std::uint32_t Context::galois(int steps) const {
  const std::int64_t count = slots();
  const std::uint64_t order = 2 * n();
  std::int64_t k = (steps % count + count) % count;
  std::uint64_t result = 1;
  for (std::uint64_t square = 5; k != 0; k >>= 1, square = square * square % order)
    if (k & 1) result = result * square % order;
  return static_cast<std::uint32_t>(result);
}

double Context::norm_of(double deviation) const { return 6 * deviation * std::sqrt(n()); }

double Context::switch_noise(int level) const {
  double noise = 0;
  for (const Digit& digit : this->level(level).digits)
    noise += norm_of(2 * digit.half / std::sqrt(12.0)) * norm_of(kErrorDeviation);
  return noise;
}

double Context::division_noise(int parts) const {
  return rounding_norm() * (1 + secret_norm() * (parts == 3 ? 1 + secret_norm() : 1));
}

double Context::deviation_of(double deviation) const { return deviation * std::sqrt(n()); }

double Context::encryption_deviation(bool by_public_key) const {
  const double secret = deviation_of(kSecretDeviation);
  return deviation_of(kErrorDeviation) * (by_public_key ? std::sqrt(1 + 2 * secret * secret) : 1);
}

double Context::switch_deviation(int level) const {
  double squares = 0;
  for (const Digit& digit : this->level(level).digits)
    squares += std::pow(
        deviation_of(2 * digit.half * kRoundingDeviation) * deviation_of(kErrorDeviation), 2);
  return std::sqrt(squares);
}

// The third part's rounding meets the secret's square, whose tail is heavier than ErrorModel
// allows: one factor by its bound.
double Context::division_deviation(int parts) const {
  const double secret = deviation_of(kSecretDeviation);
  const double square = parts == 3 ? std::pow(secret * secret_norm(), 2) : 0;
  return deviation_of(kRoundingDeviation) * std::sqrt(1 + secret * secret + square);
}

}  // namespace pliant::ckks
