#include "machine/encrypted/ckks/ring/primes.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::ckks {

namespace {

u64 power_wide(u64 base, u64 exponent, u64 n) {
  u64 result = 1;
  for (u64 square = base % n; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = static_cast<u64>(static_cast<u128>(result) * square % n);
    square = static_cast<u64>(static_cast<u128>(square) * square % n);
  }
  return result;
}

bool is_witness(u64 base, u64 n) {  // base proves that n is composite
  u64 odd = n - 1;
  int twos = 0;
  for (; odd % 2 == 0; odd /= 2) ++twos;
  u64 x = power_wide(base, odd, n);
  if (x == 1 || x == n - 1) return false;
  for (int i = 1; i < twos; ++i) {
    x = static_cast<u64>(static_cast<u128>(x) * x % n);
    if (x == n - 1) return false;
  }
  return true;
}

// Hands out distinct primes = 1 mod 2N below 2^50.
class Search {
 public:
  explicit Search(int log_n) : step_(u64{2} << log_n) {}

  u64 below(u64 limit) {
    for (u64 n = (limit - 2) / step_ * step_ + 1; n > step_ && n >= limit / 2; n -= step_)
      if (take(n)) return n;
    throw none(limit);
  }

  u64 nearest(double target) {
    const u64 start = static_cast<u64>(target / step_) * step_ + 1;
    for (u64 distance = 0; distance < start / 4; distance += step_) {
      if (start + distance < u64{1} << kPrimeBits && take(start + distance))
        return start + distance;
      if (distance != 0 && take(start - distance)) return start - distance;
    }
    throw none(static_cast<u64>(target));
  }

 private:
  bool take(u64 n) {
    if (std::find(used_.begin(), used_.end(), n) != used_.end() || !is_prime(n)) return false;
    used_.push_back(n);
    return true;
  }
  Error none(u64 about) const {
    return Error(
        ErrorKind::unsupported, "ckks parameters",
        "too few primes = 1 mod " + std::to_string(step_) + " near " + std::to_string(about),
        "take fewer levels or more bits per level");
  }

  u64 step_;
  std::vector<u64> used_;
};

}  // namespace

bool is_prime(u64 n) {
  constexpr u64 bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
  if (n < 2) return false;
  for (const u64 base : bases)
    if (n % base == 0) return n == base;
  return std::none_of(std::begin(bases), std::end(bases),
                      [&](u64 base) { return is_witness(base, n); });
}

namespace {

constexpr double kMarginBits = 6;  // of the special primes over the largest digit

double bits_of(std::span<const u64> primes) {
  double bits = 0;
  for (const u64 prime : primes) bits += std::log2(prime);
  return bits;
}

}  // namespace

PrimeChain find_chain(int log_n, int levels, int scale_bits, int first_bits, int digits) {
  Search search(log_n);
  PrimeChain chain;
  chain.q.resize(levels + 1);
  chain.scales.resize(chain.q.size());
  chain.q[0] = search.below(u64{1} << first_bits);
  const double scale = std::ldexp(1.0, scale_bits);
  chain.scales.back() = scale;
  for (std::size_t l = chain.q.size() - 1; l > 0; --l) {
    const double square = chain.scales[l] * chain.scales[l];
    chain.q[l] = search.nearest(square / scale);
    chain.scales[l - 1] = square / chain.q[l];
  }
  const std::size_t width = ceil_div(levels + 1, digits);
  double largest = 0;
  for (std::size_t first = 0; first < chain.q.size(); first += width)
    largest = std::max(largest, bits_of(std::span(chain.q).subspan(
                                    first, std::min(width, chain.q.size() - first))));
  // A digit of a hair more than a number of full primes does not take another: the noise bound
  // counts with the true sizes.
  const double special = std::max(1.0, std::ceil(largest / kPrimeBits - 0.01));
  const double bits = std::min((largest + kMarginBits) / special, double{kPrimeBits});
  while (chain.p.size() < special) chain.p.push_back(search.nearest(std::exp2(bits)));
  return chain;
}

u64 primitive_root(u64 order, const Modulus& m) {
  u64 root = 0;
  for (u64 candidate = 2; root == 0; ++candidate) {
    const u64 x = power(candidate, (m.q - 1) / order, m);
    if (power(x, order / 2, m) == m.q - 1) root = x;
  }
  // Odd powers of one root are all of them; the smallest makes the tables a function of q alone.
  const u64 square = multiply(root, root, m);
  u64 best = root;
  for (u64 i = 1; i < order / 2; ++i) {
    root = multiply(root, square, m);
    best = std::min(best, root);
  }
  return best;
}

}  // namespace pliant::ckks
