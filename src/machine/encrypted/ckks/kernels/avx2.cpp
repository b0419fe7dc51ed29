// AVX2 kernels. The instruction set has no wide integer product, so residues are computed as
// doubles that hold integers: the rounded product and its exact error (by fused multiply-add) give
// x w mod q for primes below 2^50. Every double here is an integer below 2^53, so nothing is ever
// rounded away.
#ifdef __x86_64__
#include <immintrin.h>

#include <algorithm>

#include "machine/encrypted/ckks/kernels/isa.h"

namespace pliant::ckks {

namespace {

using D = __m256d;

constexpr double kMagic = 0x1p52;
constexpr double kNearest = 0x1.8p52;  // x + this - this is the integer nearest to |x| < 2^51

inline D all(double x) { return _mm256_set1_pd(x); }
inline D from_bits(const u64* p) { return _mm256_loadu_pd(reinterpret_cast<const double*>(p)); }
// integers below 2^52, less `less` -> doubles
inline D load(const u64* p, double less = 0) {
  return _mm256_sub_pd(_mm256_or_pd(from_bits(p), all(kMagic)), all(kMagic + less));
}
// The same by the other units, where additions are what there is most of.
inline D load_fused(const u64* p) {
  return _mm256_fmsub_pd(_mm256_or_pd(from_bits(p), all(kMagic)), all(1), all(kMagic));
}
inline void store(u64* p, D d) {  // doubles in [0, 2^52) -> integers
  _mm256_storeu_pd(reinterpret_cast<double*>(p),
                   _mm256_xor_pd(_mm256_add_pd(d, all(kMagic)), all(kMagic)));
}
inline void store_raw(u64* p, D d) { _mm256_storeu_pd(reinterpret_cast<double*>(p), d); }

// A fixed factor: w and w / q.
struct Factor {
  D w, quotient;
};

struct Prime {
  D q, inverse;
  explicit Prime(u64 value) : q(all(static_cast<double>(value))), inverse(all(1.0 / value)) {}

  // the integer nearest to x y, below 2^51
  static D nearest(D x, D y) {
    return _mm256_sub_pd(_mm256_fmadd_pd(x, y, all(kNearest)), all(kNearest));
  }
  // into about [-q/2, q/2]
  D reduce(D x) const { return _mm256_fnmadd_pd(nearest(x, inverse), q, x); }
  // Of x w less the multiple of q: the product's high part is rounded, its low part exact.
  D without(D x, D w, D multiple) const {
    const D high = _mm256_mul_pd(x, w);
    const D low = _mm256_fmsub_pd(x, w, high);
    return _mm256_add_pd(_mm256_fnmadd_pd(multiple, q, high), low);
  }
  // x w modulo q within (1/2 + |x w / q| 2^-52) q, for |x w / q| < 2^51.
  D multiply(D x, D w) const { return without(x, w, nearest(_mm256_mul_pd(x, w), inverse)); }
  D multiply(D x, const Factor& f) const { return without(x, f.w, nearest(x, f.quotient)); }
  Factor factor(double w) const { return {all(w), _mm256_mul_pd(all(w), inverse)}; }
  D canonical(D x) const {  // |x| < 2^53, not -0 -> [0, q)
    const D r = reduce(x);
    return _mm256_blendv_pd(r, _mm256_add_pd(r, q), r);
  }
};

double centred(u64 w, u64 q) {  // the shared one is compiled for other processors too
  return w > q / 2 ? -static_cast<double>(q - w) : static_cast<double>(w);
}

struct Pair {
  D x, y;
};

// Twiddles are centred. In units of q < 2^50, a product with |y| <= B is within 1/2 + B / 8, and
// exact for B < 4. Where a pass of two stages reduces what is not multiplied first, values of at
// most B leave it within 1.63 + .14 B; one that does not, within 1.06 + 1.27 B. Forward passes do
// so in turns, from B = 1 on, so that B stays below 3.8.
template <bool kReduce, typename Twiddle>
inline Pair forward_step(D x, D y, const Twiddle& w, const Prime& p) {
  const D u = kReduce ? p.reduce(x) : x;
  const D v = p.multiply(y, w);
  return {_mm256_add_pd(u, v), _mm256_sub_pd(u, v)};
}
template <typename Twiddle>
inline Pair inverse_step(D x, D y, const Twiddle& w, const Prime& p) {
  return {_mm256_add_pd(x, y), p.multiply(_mm256_sub_pd(x, y), w)};
}

inline D two_to_lanes(const double* w) {
  return _mm256_permute4x64_pd(_mm256_castpd128_pd256(_mm_loadu_pd(w)), 0x50);
}

inline D halves(D a, D b, int which) {
  return which == 0 ? _mm256_permute2f128_pd(a, b, 0x20) : _mm256_permute2f128_pd(a, b, 0x31);
}

// The stages t = 4, 2 and 1, and the way back to integers.
void forward_last(u64* x, std::size_t n, std::size_t root, const double* w, const Prime& p) {
  for (std::size_t j = 0, m = root; j < n; j += 8, ++m) {
    Pair s = forward_step<true>(from_bits(x + j), from_bits(x + j + 4), all(w[m]), p);
    s = {halves(s.x, s.y, 0), halves(s.x, s.y, 1)};  // a0 a1 b0 b1 | a2 a3 b2 b3
    s = forward_step<false>(s.x, s.y, two_to_lanes(w + 2 * m), p);
    s = {_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y)};
    s = forward_step<false>(s.x, s.y, _mm256_loadu_pd(w + 4 * m), p);
    const D x0 = p.canonical(_mm256_unpacklo_pd(s.x, s.y)),
            x1 = p.canonical(_mm256_unpackhi_pd(s.x, s.y));
    store(x + j, halves(x0, x1, 0));
    store(x + j + 4, halves(x0, x1, 1));
  }
}

// The stages t = 1, 2 and 4 of integers less (q - 1) / 2, so from B = 1/2 on: differences are
// within 4 before they are multiplied, and all values within 1 afterwards.
void inverse_first(u64* x, std::size_t n, std::size_t root, const double* w, double less,
                   const Prime& p) {
  for (std::size_t j = 0, m = root; j < n; j += 8, ++m) {
    const D a = load(x + j, less), b = load(x + j + 4, less);
    Pair s = {halves(a, b, 0), halves(a, b, 1)};  // a0 a1 b0 b1 | a2 a3 b2 b3
    s = inverse_step(_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y),
                     _mm256_loadu_pd(w + 4 * m), p);
    s = inverse_step(_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y),
                     two_to_lanes(w + 2 * m), p);
    s = inverse_step(halves(s.x, s.y, 0), halves(s.x, s.y, 1), all(w[m]), p);
    store_raw(x + j, p.reduce(s.x));
    store_raw(x + j + 4, s.y);
  }
}

template <bool kWhole>
inline D take(const u64* x) {
  return kWhole ? load(x) : from_bits(x);
}

// Two stages over one block of 4 t values whose place in the tree of twiddles is `root`.
template <bool kReduce, bool kWhole>
inline void forward_radix4(u64* x, std::size_t t, std::size_t root, const double* w,
                           const Prime& p) {
  const Factor w1 = p.factor(w[root]), w2 = p.factor(w[2 * root]), w3 = p.factor(w[2 * root + 1]);
  for (std::size_t j = 0; j < t; j += 4) {
    u64* const at = x + j;
    const Pair a = forward_step<kReduce>(take<kWhole>(at), take<kWhole>(at + 2 * t), w1, p);
    const Pair b = forward_step<kReduce>(take<kWhole>(at + t), take<kWhole>(at + 3 * t), w1, p);
    const Pair c = forward_step<false>(a.x, b.x, w2, p);
    const Pair d = forward_step<false>(a.y, b.y, w3, p);
    store_raw(at, c.x);
    store_raw(at + t, c.y);
    store_raw(at + 2 * t, d.x);
    store_raw(at + 3 * t, d.y);
  }
}

// Values within 1 leave it so.
inline void inverse_radix4(u64* x, std::size_t t, std::size_t root, const double* w,
                           const Prime& p) {
  const Factor w1 = p.factor(w[root]), w2 = p.factor(w[2 * root]), w3 = p.factor(w[2 * root + 1]);
  for (std::size_t j = 0; j < t; j += 4) {
    u64* const at = x + j;
    const Pair c = inverse_step(from_bits(at), from_bits(at + t), w2, p);
    const Pair d = inverse_step(from_bits(at + 2 * t), from_bits(at + 3 * t), w3, p);
    const Pair a = inverse_step(c.x, d.x, w1, p);
    const Pair b = inverse_step(c.y, d.y, w1, p);
    store_raw(at, p.reduce(a.x));
    store_raw(at + t, p.reduce(b.x));
    store_raw(at + 2 * t, a.y);
    store_raw(at + 3 * t, b.y);
  }
}

constexpr std::size_t kBlock = 2048;  // values that stay in the first-level cache together

// All stages of a block of n = 8 4^i values but the three of forward_last, which end it; depth
// first, so that those below kBlock run inside the cache.
template <bool kReduce>
void forward_block(u64* x, std::size_t n, std::size_t root, const double* w, const Prime& p) {
  if (n == 8) return forward_last(x, n, root, w, p);
  forward_radix4<kReduce, false>(x, n / 4, root, w, p);
  if (n > kBlock) {
    for (std::size_t i = 0; i < 4; ++i)
      forward_block<!kReduce>(x + i * (n / 4), n / 4, 4 * root + i, w, p);
    return;
  }
  bool reduce = !kReduce;
  std::size_t groups = 4, size = n / 4;
  for (; size > 8; groups *= 4, size /= 4, reduce = !reduce)
    for (std::size_t g = 0; g < groups; ++g)
      reduce ? forward_radix4<true, false>(x + g * size, size / 4, root * groups + g, w, p)
             : forward_radix4<false, false>(x + g * size, size / 4, root * groups + g, w, p);
  forward_last(x, n, root * groups, w, p);
}

void inverse_block(u64* x, std::size_t n, std::size_t root, const double* w, double less,
                   const Prime& p) {
  if (n > kBlock) {
    for (std::size_t i = 0; i < 4; ++i)
      inverse_block(x + i * (n / 4), n / 4, 4 * root + i, w, less, p);
    return inverse_radix4(x, n / 4, root, w, p);
  }
  std::size_t groups = n / 8, size = 8;
  inverse_first(x, n, root * groups, w, less, p);
  while (groups > 1) {
    groups /= 4;
    size *= 4;
    for (std::size_t g = 0; g < groups; ++g)
      inverse_radix4(x + g * size, size / 4, root * groups + g, w, p);
  }
}

// Where log2(n) is even one stage is left, the first of all forwards and the last of all back.
bool stage_left(int log_n) { return log_n % 2 == 0; }

void forward(u64* x, const NttTable& table) {
  const std::size_t n = std::size_t{1} << table.log_n;
  const Prime p(table.mod.q);
  const double* const w = table.centred.data();
  if (stage_left(table.log_n)) {
    const Factor w1 = p.factor(w[1]);
    for (std::size_t j = 0; j < n / 2; j += 4) {
      const Pair s = forward_step<false>(load(x + j), load(x + j + n / 2), w1, p);
      store_raw(x + j, s.x);
      store_raw(x + j + n / 2, s.y);
    }
    forward_block<true>(x, n / 2, 2, w, p);
    forward_block<true>(x + n / 2, n / 2, 3, w, p);
    return;
  }
  forward_radix4<false, true>(x, n / 4, 1, w, p);
  for (std::size_t i = 0; i < 4; ++i) forward_block<true>(x + i * (n / 4), n / 4, 4 + i, w, p);
}

// The last stage, or the last two, of values that are `t` apart, with the factor of all: what is
// multiplied by the last twiddle is so by both at once.
struct Ending {
  Prime p;
  Factor times, twiddle;

  void write(u64* sum, u64* difference, D a, D b) const {
    store(sum, p.canonical(p.multiply(_mm256_add_pd(a, b), times)));
    store(difference, p.canonical(p.multiply(_mm256_sub_pd(a, b), twiddle)));
  }
  void one(u64* x, std::size_t t) const {
    for (u64* const end = x + t; x < end; x += 4) write(x, x + t, from_bits(x), from_bits(x + t));
  }
  void two(u64* x, std::size_t t, Factor w2, Factor w3) const {
    for (u64* const end = x + t; x < end; x += 4) {
      const Pair c = inverse_step(from_bits(x), from_bits(x + t), w2, p);
      const Pair d = inverse_step(from_bits(x + 2 * t), from_bits(x + 3 * t), w3, p);
      write(x, x + 2 * t, c.x, d.x);
      write(x + t, x + 3 * t, c.y, d.y);
    }
  }
};

u64 product(u64 a, u64 b, u64 q) { return static_cast<u64>(static_cast<u128>(a) * b % q); }

void inverse(u64* x, const NttTable& table, ShoupFactor times) {
  const std::size_t n = std::size_t{1} << table.log_n;
  const u64 q = table.mod.q, middle = (q - 1) / 2;
  const Prime p(q);
  const double* const w = table.icentred.data();
  const Ending ending{p, p.factor(centred(times.w, q)),
                      p.factor(centred(product(table.iw[1], times.w, q), q))};
  const std::size_t parts = stage_left(table.log_n) ? 2 : 4, t = n / parts;
  for (std::size_t i = 0; i < parts; ++i)
    inverse_block(x + i * t, t, parts + i, w, static_cast<double>(middle), p);
  if (parts == 2) ending.one(x, t);
  else ending.two(x, t, p.factor(w[2]), p.factor(w[3]));
  // n equal values are those of a constant.
  const u64 constant = product(product(times.w, n, q), middle, q);
  x[0] = x[0] + constant >= q ? x[0] + constant - q : x[0] + constant;
}

inline __m256i load_int(const u64* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void store_int(u64* p, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

inline void store_wrapped(u64* p, __m256i v, __m256i q) {  // adds q to negative lanes
  store_int(
      p, _mm256_add_epi64(v, _mm256_and_si256(q, _mm256_cmpgt_epi64(_mm256_setzero_si256(), v))));
}

void add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const __m256i q = _mm256_set1_epi64x(static_cast<long long>(m.q));
  for (std::size_t i = 0; i < n; i += 4)
    store_wrapped(out + i, _mm256_sub_epi64(_mm256_add_epi64(load_int(a + i), load_int(b + i)), q),
                  q);
}

void subtract(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const __m256i q = _mm256_set1_epi64x(static_cast<long long>(m.q));
  for (std::size_t i = 0; i < n; i += 4)
    store_wrapped(out + i, _mm256_sub_epi64(load_int(a + i), load_int(b + i)), q);
}

void multiply(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t i = 0; i < n; i += 4)
    store(out + i, p.canonical(p.multiply(load(a + i), load(b + i))));
}

void multiply_add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t i = 0; i < n; i += 4)
    store(out + i, p.canonical(_mm256_add_pd(load(out + i), p.multiply(load(a + i), load(b + i)))));
}

void scale(u64* out, const u64* a, ShoupFactor by, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  const Factor f = p.factor(centred(by.w, m.q));
  for (std::size_t i = 0; i < n; i += 4) store(out + i, p.canonical(p.multiply(load(a + i), f)));
}

void subtract_scale(u64* out, const u64* a, const u64* b, ShoupFactor by, std::size_t n,
                    const Modulus& m) {
  const Prime p(m.q);
  const Factor f = p.factor(centred(by.w, m.q));
  for (std::size_t i = 0; i < n; i += 4)
    store(out + i, p.canonical(p.multiply(_mm256_sub_pd(load(a + i), load(b + i)), f)));
}

// A sum of products, high + low, without error. Products are added to a number `start` so large
// that only multiples of its last place remain of them; what is rounded away, at most half a last
// place each time, is exact too and summed apart.
struct Wide {
  D high, low;

  void add(D x, D y) {
    const D next = _mm256_fmadd_pd(x, y, high);
    low = _mm256_add_pd(low, _mm256_fmsub_pd(x, y, _mm256_sub_pd(next, high)));
    high = next;
  }
  // Modulo q: within |low| + 2.6 q, which must be below 2^53, for high - start below 2^52 q. Of
  // the quotient only multiples of 4 are told apart there.
  D folded(D start, const Prime& p) const {
    const D fours = all(0x1.8p54), value = _mm256_sub_pd(high, start);
    const D multiple = _mm256_sub_pd(_mm256_fmadd_pd(value, p.inverse, fours), fours);
    return _mm256_add_pd(_mm256_fnmadd_pd(multiple, p.q, value), low);
  }
};

// Four products of residues are below 2^102: the last place is 2^50, |low| at most 2^51 + q / 2.
constexpr std::size_t kInnerTerms = 4;

void inner(u64* out, const u64* const* a, const u64* const* b, std::size_t terms, std::size_t n,
           const Modulus& m) {
  const Prime p(m.q);
  const D start = all(0x1p102);
  for (std::size_t j = 0; j < n; j += 4) {
    Wide sum{start, _mm256_setzero_pd()};
    for (std::size_t i = 0; i < terms; ++i) {
      if (i != 0 && i % kInnerTerms == 0) sum = {start, p.reduce(sum.folded(start, p))};
      sum.add(load_fused(a[i] + j), load_fused(b[i] + j));
    }
    store(out + j, p.canonical(sum.folded(start, p)));
  }
}

// Eight products of centred values, below 2^101 together on either side: the last place is 2^50,
// |low| at most 2^52 + q.
constexpr std::size_t kCombinedTerms = 8;
constexpr std::size_t kCombinedValues = 4096;  // converted at once, within the first-level cache
constexpr double kCentre = 0x1p49;

// Sixteen values of the sum side by side, so that they need not wait for each other.
struct Wides {
  Wide a, b, c, d;

  void add(const double* y, D weight) {
    a.add(_mm256_loadu_pd(y), weight);
    b.add(_mm256_loadu_pd(y + 4), weight);
    c.add(_mm256_loadu_pd(y + 8), weight);
    d.add(_mm256_loadu_pd(y + 12), weight);
  }
};

// `size` values of the sum, a multiple of 16; those of y[i] are at values + i size.
void combine_one(u64* out, const double* values, std::size_t size, const Weights& by) {
  const Prime p(by.mod.q);
  const D start = all(0x1.8p102);
  const auto again = [&](Wide part) { return Wide{start, p.reduce(part.folded(start, p))}; };
  const std::size_t terms = by.centred.size();
  const double* const weight = by.centred.data();
  for (std::size_t j = 0; j < size; j += 16) {
    const Wide shift{start, all(by.shift)};
    Wides sum{shift, shift, shift, shift};
    for (std::size_t i = 0; i < terms; ++i) {
      if (i != 0 && i % kCombinedTerms == 0)
        sum = {again(sum.a), again(sum.b), again(sum.c), again(sum.d)};
      sum.add(values + i * size + j, all(weight[i]));
    }
    store(out + j, p.canonical(sum.a.folded(start, p)));
    store(out + j + 4, p.canonical(sum.b.folded(start, p)));
    store(out + j + 8, p.canonical(sum.c.folded(start, p)));
    store(out + j + 12, p.canonical(sum.d.folded(start, p)));
  }
}

void combine(u64* const* out, const u64* const* y, const Weights* targets, std::size_t count,
             std::size_t n) {
  alignas(64) double values[kCombinedValues];
  const std::size_t terms = targets[0].centred.size();
  const std::size_t most = std::min(n, kCombinedValues / terms / 16 * 16);
  for (std::size_t at = 0, size = most; at < n; at += size) {
    size = std::min(most, n - at);
    for (std::size_t i = 0; i < terms; ++i)
      for (std::size_t j = 0; j < size; j += 4)
        _mm256_storeu_pd(values + i * size + j, load(y[i] + at + j, kCentre));
    for (std::size_t j = 0; j < count; ++j) combine_one(out[j] + at, values, size, targets[j]);
  }
}

void round_sum(u64* out, const u64* const* y, const double* inverse_of, std::size_t terms,
               std::size_t n) {
  for (std::size_t j = 0; j < n; j += 4) {
    D sum = _mm256_set1_pd(0.5);
    for (std::size_t i = 0; i < terms; ++i)
      sum = _mm256_add_pd(sum, _mm256_mul_pd(load(y[i] + j), _mm256_set1_pd(inverse_of[i])));
    store(out + j, _mm256_floor_pd(sum));
  }
}

// An automorphism's index maps aligned blocks to aligned blocks, so four values come from one
// vector.
void gather(u64* out, const u64* a, const std::uint32_t* index, std::uint32_t mask, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 4) {
    const __m128i at = _mm_and_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(index + i)),
                                     _mm_set1_epi32(3));
    const __m256i lane = _mm256_slli_epi64(_mm256_cvtepu32_epi64(at), 1);
    const __m256i halves = _mm256_or_si256(
        lane, _mm256_or_si256(_mm256_slli_epi64(lane, 32), _mm256_set1_epi64x(1LL << 32)));
    store_int(out + i, _mm256_permutevar8x32_epi32(load_int(a + (index[i] & mask & ~3u)), halves));
  }
}

void residues(u64* out, const double* x, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t i = 0; i < n; i += 4) store(out + i, p.canonical(_mm256_loadu_pd(x + i)));
}

// Eight values begin at a byte. Two of them lie in the sixteen bytes from that of the first bit on.
void unpack(u64* out, const std::uint8_t* in, int width, std::size_t n) {
  const auto bits = static_cast<std::size_t>(width);
  struct Pairs {
    std::size_t at[2];
    __m256i bytes, right;
  } half[2];
  for (std::size_t h = 0; h < 2; ++h) {
    alignas(32) u64 bytes[4], right[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t bit = (4 * h + k) * bits, from = (4 * h + k / 2 * 2) * bits / 8;
      half[h].at[k / 2] = from;
      // byte i of a lane is byte i after the lane's first
      bytes[k] = (bit / 8 - from) * 0x0101010101010101 + 0x0706050403020100;
      right[k] = bit % 8;
    }
    half[h].bytes = load_int(bytes);
    half[h].right = load_int(right);
  }
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>((u64{1} << width) - 1));
  for (std::size_t i = 0; i < n; i += 8)
    for (std::size_t h = 0; h < 2; ++h) {
      const std::uint8_t* const from = in + i / 8 * bits;
      // A key is read once, from memory: what follows these n values is probably next.
      if (h == 0) _mm_prefetch(reinterpret_cast<const char*>(from + n / 8 * bits), _MM_HINT_T0);
      const auto pair = [&](std::size_t k) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + half[h].at[k]));
      };
      const __m256i words = _mm256_shuffle_epi8(
          _mm256_inserti128_si256(_mm256_castsi128_si256(pair(0)), pair(1), 1), half[h].bytes);
      store_int(out + i + 4 * h, _mm256_and_si256(_mm256_srlv_epi64(words, half[h].right), mask));
    }
}

}  // namespace

const Kernels& built_avx2_kernels() {
  static const Kernels table{"avx2",         forward,  inverse,      add,
                             subtract,       multiply, multiply_add, scale,
                             subtract_scale, inner,    combine,      round_sum,
                             gather,         residues, unpack,       &built_avx2_embedding()};
  return table;
}

}  // namespace pliant::ckks
#endif
