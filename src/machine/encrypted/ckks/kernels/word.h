// Arithmetic modulo one prime below 2^50 on 64-bit words: the scalar reference of every kernel.
//
// Products with a fixed factor w use Shoup's precomputed quotient floor(w * 2^52 / q). The power 52
// rather than 64 is what the AVX-512 IFMA units multiply by, so one table serves every kernel.
// Other products use Barrett's method.
#pragma once

#include <cstdint>

namespace pliant::ckks {

using u64 = std::uint64_t;
using u128 = unsigned __int128;
using i128 = __int128;

// every prime is below 2^50, so a lazy value (< 4q) stays below 2^52
constexpr int kPrimeBits = 50;
constexpr u64 kMask52 = (u64{1} << 52) - 1;

constexpr u64 shoup(u64 w, u64 q) { return static_cast<u64>((static_cast<u128>(w) << 52) / q); }

// A prime and what reduction by it needs. Constructed by modulus().
struct Modulus {
  u64 q = 0;
  u64 barrett_high = 0, barrett_low = 0;  // floor(2^128 / q)
  u64 one_shoup = 0;                      // shoup(1, q)
  u64 r52 = 0, r52_shoup = 0;             // 2^52 mod q and its quotient
};

constexpr Modulus modulus(u64 q) {
  // floor((2^128 - 1) / q) = floor(2^128 / q), as q does not divide 2^128
  const u128 all = ~u128{0};
  const u128 ratio = all / q;
  const u64 r52 = (u64{1} << 52) % q;
  return {
      q, static_cast<u64>(ratio >> 64), static_cast<u64>(ratio), shoup(1, q), r52, shoup(r52, q)};
}

constexpr u64 add(u64 a, u64 b, u64 q) { return a + b >= q ? a + b - q : a + b; }
constexpr u64 subtract(u64 a, u64 b, u64 q) { return a >= b ? a - b : a + q - b; }
constexpr u64 negate(u64 a, u64 q) { return a == 0 ? 0 : q - a; }

// x mod q for any 128-bit x; Barrett.
constexpr u64 reduce(u128 x, const Modulus& m) {
  const u64 low = static_cast<u64>(x);
  const u64 high = static_cast<u64>(x >> 64);
  const u128 carry = (static_cast<u128>(low) * m.barrett_low) >> 64;
  const u128 middle1 = static_cast<u128>(low) * m.barrett_high + carry;
  const u128 middle2 = static_cast<u128>(high) * m.barrett_low + static_cast<u64>(middle1);
  const u64 quotient =
      high * m.barrett_high + static_cast<u64>(middle1 >> 64) + static_cast<u64>(middle2 >> 64);
  u64 r = low - quotient * m.q;
  r -= m.q & (u64{0} - static_cast<u64>(r >= m.q));  // at most twice; no branch on the value
  return r - (m.q & (u64{0} - static_cast<u64>(r >= m.q)));
}

constexpr u64 multiply(u64 a, u64 b, const Modulus& m) {
  return reduce(static_cast<u128>(a) * b, m);
}

// x * w modulo q in [0, 2q), for x < 2^52, w < q, w_shoup = shoup(w, q).
constexpr u64 multiply_lazy(u64 x, u64 w, u64 w_shoup, u64 q) {
  const u64 quotient = static_cast<u64>((static_cast<u128>(x) * w_shoup) >> 52);
  return x * w - quotient * q;
}

constexpr u64 multiply(u64 x, u64 w, u64 w_shoup, u64 q) {
  const u64 r = multiply_lazy(x, w, w_shoup, q);
  return r >= q ? r - q : r;
}

constexpr u64 power(u64 base, u64 exponent, const Modulus& m) {
  u64 result = 1 % m.q;
  for (u64 square = reduce(base, m); exponent != 0;
       exponent >>= 1, square = multiply(square, square, m))
    if (exponent & 1) result = multiply(result, square, m);
  return result;
}

constexpr u64 inverse(u64 a, const Modulus& m) { return power(a, m.q - 2, m); }  // a != 0

// A signed value modulo q, in [0, q); constant time.
constexpr u64 from_signed(std::int64_t a, const Modulus& m) {
  const u64 sign = u64{0} - static_cast<u64>(a < 0);
  const u64 r = reduce((static_cast<u64>(a) ^ sign) - sign, m);
  const u64 image = (r ^ sign) - sign + (m.q & sign);  // r or q - r
  return image - (m.q & (u64{0} - static_cast<u64>(image >= m.q)));
}

// Any signed value but the least, modulo q.
constexpr u64 residue(i128 a, const Modulus& m) {
  return a < 0 ? negate(reduce(static_cast<u128>(-a), m), m.q) : reduce(static_cast<u128>(a), m);
}

}  // namespace pliant::ckks
