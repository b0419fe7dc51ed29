// AVX-512 kernels on the 52-bit multiply-add units: eight lanes, primes below 2^50. Compiled for
// that instruction set alone, so nothing here may use inline code of other headers beyond the types
// of kernels.h.
#ifdef __x86_64__
#ifndef __clang__  // g++ 12 warns of the deliberately undefined operands inside its own intrinsics
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "machine/encrypted/ckks/kernels/isa.h"

namespace pliant::ckks {

namespace {

using V = __m512i;

inline V load(const u64* p) { return _mm512_loadu_si512(p); }
inline void store(u64* p, V v) { _mm512_storeu_si512(p, v); }
inline V all(u64 x) { return _mm512_set1_epi64(static_cast<long long>(x)); }
inline V low52(V v) {
  return _mm512_and_si512(v, _mm512_set1_epi64(static_cast<long long>(kMask52)));
}
// v - bound if that is >= 0
inline V once(V v, V bound) { return _mm512_min_epu64(v, _mm512_sub_epi64(v, bound)); }

// A prime broadcast to the lanes; `minus` is -q modulo 2^52.
struct Prime {
  V q, two_q, minus;
  explicit Prime(u64 value)
      : q(all(value)), two_q(all(2 * value)), minus(all((u64{1} << 52) - value)) {}
};

// x w mod q in [0, 2q), for x < 2^52.
inline V multiply_lazy(V x, V w, V w_shoup, const Prime& p) {
  const V zero = _mm512_setzero_si512();
  const V quotient = _mm512_madd52hi_epu64(zero, x, w_shoup);
  return low52(_mm512_madd52lo_epu64(_mm512_madd52lo_epu64(zero, x, w), quotient, p.minus));
}

// What reduces high * 2^52 + low to [0, q).
struct Reducer {
  Prime p;
  V one_shoup, r52, r52_shoup;
  explicit Reducer(const Modulus& m)
      : p(m.q), one_shoup(all(m.one_shoup)), r52(all(m.r52)), r52_shoup(all(m.r52_shoup)) {}

  V operator()(V high, V low) const {  // high + low / 2^52 < 2^52
    high = _mm512_add_epi64(high, _mm512_srli_epi64(low, 52));
    low = low52(low);
    const V zero = _mm512_setzero_si512();
    const V quotient = _mm512_madd52hi_epu64(zero, low, one_shoup);
    const V small = low52(_mm512_madd52lo_epu64(low, quotient, p.minus));
    const V sum = _mm512_add_epi64(small, multiply_lazy(high, r52, r52_shoup, p));
    return once(once(sum, p.two_q), p.q);
  }
};

struct Pair {
  V x, y;
};

inline Pair forward_step(V x, V y, V w, V w_shoup, const Prime& p) {  // [0, 4q) -> [0, 4q)
  const V u = once(x, p.two_q);
  const V v = multiply_lazy(y, w, w_shoup, p);
  return {_mm512_add_epi64(u, v), _mm512_sub_epi64(_mm512_add_epi64(u, p.two_q), v)};
}

inline Pair inverse_step(V x, V y, V w, V w_shoup, const Prime& p) {  // [0, 2q) -> [0, 2q)
  const V sum = once(_mm512_add_epi64(x, y), p.two_q);
  const V difference = _mm512_sub_epi64(_mm512_add_epi64(x, p.two_q), y);
  return {sum, multiply_lazy(difference, w, w_shoup, p)};
}

// Two stages over one block of 4 t values whose place in the tree of twiddles is `root`.
inline void forward_radix4(u64* x, std::size_t t, std::size_t root, const u64* w, const u64* ws,
                           const Prime& p) {
  const V w1 = all(w[root]), s1 = all(ws[root]);
  const V w2 = all(w[2 * root]), s2 = all(ws[2 * root]);
  const V w3 = all(w[2 * root + 1]), s3 = all(ws[2 * root + 1]);
  for (std::size_t j = 0; j < t; j += 8) {
    const Pair a = forward_step(load(x + j), load(x + j + 2 * t), w1, s1, p);
    const Pair b = forward_step(load(x + j + t), load(x + j + 3 * t), w1, s1, p);
    const Pair c = forward_step(a.x, b.x, w2, s2, p);
    const Pair d = forward_step(a.y, b.y, w3, s3, p);
    store(x + j, c.x);
    store(x + j + t, c.y);
    store(x + j + 2 * t, d.x);
    store(x + j + 3 * t, d.y);
  }
}

inline void inverse_radix4(u64* x, std::size_t t, std::size_t root, const u64* w, const u64* ws,
                           const Prime& p) {
  const V w1 = all(w[root]), s1 = all(ws[root]);
  const V w2 = all(w[2 * root]), s2 = all(ws[2 * root]);
  const V w3 = all(w[2 * root + 1]), s3 = all(ws[2 * root + 1]);
  for (std::size_t j = 0; j < t; j += 8) {
    const Pair c = inverse_step(load(x + j), load(x + j + t), w2, s2, p);
    const Pair d = inverse_step(load(x + j + 2 * t), load(x + j + 3 * t), w3, s3, p);
    const Pair a = inverse_step(c.x, d.x, w1, s1, p);
    const Pair b = inverse_step(c.y, d.y, w1, s1, p);
    store(x + j, a.x);
    store(x + j + t, b.x);
    store(x + j + 2 * t, a.y);
    store(x + j + 3 * t, b.y);
  }
}

// The last three stages work within vectors: sixteen values a, b at a time, rearranged so that
// partners face each other. The rows of index vectors say which lanes of (first, second) make the
// next first and second operand.
struct Lanes {
  V x4 = _mm512_setr_epi64(0, 1, 2, 3, 8, 9, 10, 11),
    y4 = _mm512_setr_epi64(4, 5, 6, 7, 12, 13, 14, 15);
  V x2 = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13),
    y2 = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  V x1 = _mm512_setr_epi64(0, 8, 2, 10, 4, 12, 6, 14),
    y1 = _mm512_setr_epi64(1, 9, 3, 11, 5, 13, 7, 15);
  V w4 = _mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1);
  V w2 = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3);
};

inline V two_to_lanes(const u64* w, V index) {
  return _mm512_permutexvar_epi64(
      index, _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w))));
}
inline V four_to_lanes(const u64* w, V index) {
  return _mm512_permutexvar_epi64(
      index, _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w))));
}

// After x4/y4: x = a0-3 b0-3, y = a4-7 b4-7. After x2/y2: x = a0 a1 a4 a5 b0 b1 b4 b5. After x1/y1:
// x = a0 a2 a4 a6 b0...
inline void forward_last(u64* x, std::size_t count, std::size_t root, const u64* w, const u64* ws,
                         const Prime& p) {
  const Lanes l;
  const V back_a = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
          back_b = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  std::size_t m = root;  // index of the first twiddle with t = 4
  for (std::size_t j = 0; j < count; j += 16, m += 2) {
    const V a = load(x + j), b = load(x + j + 8);
    Pair s = {_mm512_permutex2var_epi64(a, l.x4, b), _mm512_permutex2var_epi64(a, l.y4, b)};
    s = forward_step(s.x, s.y, two_to_lanes(w + m, l.w4), two_to_lanes(ws + m, l.w4), p);
    s = {_mm512_permutex2var_epi64(s.x, l.x2, s.y), _mm512_permutex2var_epi64(s.x, l.y2, s.y)};
    s = forward_step(s.x, s.y, four_to_lanes(w + 2 * m, l.w2), four_to_lanes(ws + 2 * m, l.w2), p);
    s = {_mm512_permutex2var_epi64(s.x, l.x1, s.y), _mm512_permutex2var_epi64(s.x, l.y1, s.y)};
    s = forward_step(s.x, s.y, load(w + 4 * m), load(ws + 4 * m), p);
    s = {once(once(s.x, p.two_q), p.q), once(once(s.y, p.two_q), p.q)};
    store(x + j, _mm512_permutex2var_epi64(s.x, back_a, s.y));
    store(x + j + 8, _mm512_permutex2var_epi64(s.x, back_b, s.y));
  }
}

inline void inverse_first(u64* x, std::size_t count, std::size_t root, const u64* w, const u64* ws,
                          const Prime& p) {
  const Lanes l;
  const V even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
          odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  std::size_t m = root;
  for (std::size_t j = 0; j < count; j += 16, m += 2) {
    const V a = load(x + j), b = load(x + j + 8);
    Pair s = {_mm512_permutex2var_epi64(a, even, b), _mm512_permutex2var_epi64(a, odd, b)};
    s = inverse_step(s.x, s.y, load(w + 4 * m), load(ws + 4 * m), p);
    s = {_mm512_permutex2var_epi64(s.x, l.x1, s.y), _mm512_permutex2var_epi64(s.x, l.y1, s.y)};
    s = inverse_step(s.x, s.y, four_to_lanes(w + 2 * m, l.w2), four_to_lanes(ws + 2 * m, l.w2), p);
    s = {_mm512_permutex2var_epi64(s.x, l.x2, s.y), _mm512_permutex2var_epi64(s.x, l.y2, s.y)};
    s = inverse_step(s.x, s.y, two_to_lanes(w + m, l.w4), two_to_lanes(ws + m, l.w4), p);
    store(x + j, _mm512_permutex2var_epi64(s.x, l.x4, s.y));
    store(x + j + 8, _mm512_permutex2var_epi64(s.x, l.y4, s.y));
  }
}

constexpr std::size_t kBlock = 2048;  // values that stay in the first-level cache together

// Transforms a block of n values depth first, so that all stages below kBlock run inside the cache.
void forward_block(u64* x, std::size_t n, std::size_t root, const u64* w, const u64* ws,
                   const Prime& p) {
  if (n > kBlock) {
    forward_radix4(x, n / 4, root, w, ws, p);
    for (std::size_t i = 0; i < 4; ++i)
      forward_block(x + i * (n / 4), n / 4, 4 * root + i, w, ws, p);
    return;
  }
  std::size_t groups = 1, size = n;
  for (; size >= 32; groups *= 4, size /= 4)
    for (std::size_t g = 0; g < groups; ++g)
      forward_radix4(x + g * size, size / 4, root * groups + g, w, ws, p);
  for (; size >= 16; groups *= 2, size /= 2)
    for (std::size_t g = 0; g < groups; ++g) {
      u64* at = x + g * size;
      const V wv = all(w[root * groups + g]), sv = all(ws[root * groups + g]);
      for (std::size_t j = 0; j < size / 2; j += 8) {
        const Pair s = forward_step(load(at + j), load(at + j + size / 2), wv, sv, p);
        store(at + j, s.x);
        store(at + j + size / 2, s.y);
      }
    }
  forward_last(x, n, root * groups, w, ws, p);
}

void inverse_block(u64* x, std::size_t n, std::size_t root, const u64* w, const u64* ws,
                   const Prime& p) {
  if (n > kBlock) {
    for (std::size_t i = 0; i < 4; ++i)
      inverse_block(x + i * (n / 4), n / 4, 4 * root + i, w, ws, p);
    inverse_radix4(x, n / 4, root, w, ws, p);
    return;
  }
  std::size_t groups = n / 8, size = 8;  // blocks that the vectors of inverse_first have finished
  inverse_first(x, n, root * groups, w, ws, p);
  const bool lone = __builtin_ctzll(groups) % 2 != 0;
  if (lone) {
    groups /= 2;
    size *= 2;
    for (std::size_t g = 0; g < groups; ++g) {
      u64* at = x + g * size;
      const V wv = all(w[root * groups + g]), sv = all(ws[root * groups + g]);
      for (std::size_t j = 0; j < size / 2; j += 8) {
        const Pair s = inverse_step(load(at + j), load(at + j + size / 2), wv, sv, p);
        store(at + j, s.x);
        store(at + j + size / 2, s.y);
      }
    }
  }
  for (; groups > 1;) {
    groups /= 4;
    size *= 4;
    for (std::size_t g = 0; g < groups; ++g)
      inverse_radix4(x + g * size, size / 4, root * groups + g, w, ws, p);
  }
}

void forward(u64* x, const NttTable& table) {
  forward_block(x, std::size_t{1} << table.log_n, 1, table.w.data(), table.w_shoup.data(),
                Prime(table.mod.q));
}

void scale(u64* out, const u64* a, ShoupFactor by, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  const V w = all(by.w), s = all(by.w_shoup);
  for (std::size_t i = 0; i < n; i += 8)
    store(out + i, once(multiply_lazy(load(a + i), w, s, p), p.q));
}

void inverse(u64* x, const NttTable& table, ShoupFactor times) {
  const std::size_t n = std::size_t{1} << table.log_n;
  inverse_block(x, n, 1, table.iw.data(), table.iw_shoup.data(), Prime(table.mod.q));
  scale(x, x, times, n, table.mod);
}

void add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const V q = all(m.q);
  for (std::size_t i = 0; i < n; i += 8)
    store(out + i, once(_mm512_add_epi64(load(a + i), load(b + i)), q));
}

void subtract(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const V q = all(m.q);
  for (std::size_t i = 0; i < n; i += 8) {
    const V d = _mm512_sub_epi64(load(a + i), load(b + i));
    store(out + i, _mm512_min_epu64(d, _mm512_add_epi64(d, q)));
  }
}

inline V product(V a, V b, V plus, const Reducer& reduce) {
  const V zero = _mm512_setzero_si512();
  return reduce(_mm512_madd52hi_epu64(zero, a, b), _mm512_madd52lo_epu64(plus, a, b));
}

void multiply(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const Reducer reduce(m);
  for (std::size_t i = 0; i < n; i += 8)
    store(out + i, product(load(a + i), load(b + i), _mm512_setzero_si512(), reduce));
}

void multiply_add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  const Reducer reduce(m);
  for (std::size_t i = 0; i < n; i += 8)
    store(out + i, product(load(a + i), load(b + i), load(out + i), reduce));
}

void subtract_scale(u64* out, const u64* a, const u64* b, ShoupFactor by, std::size_t n,
                    const Modulus& m) {
  const Prime p(m.q);
  const V w = all(by.w), s = all(by.w_shoup);
  for (std::size_t i = 0; i < n; i += 8) {
    const V d = _mm512_sub_epi64(_mm512_add_epi64(load(a + i), p.q), load(b + i));
    store(out + i, once(multiply_lazy(d, w, s, p), p.q));
  }
}

// sums of this many products below 2^100, plus a carry, stay below 2^104
constexpr std::size_t kLazyTerms = 12;

void inner(u64* out, const u64* const* a, const u64* const* b, std::size_t terms, std::size_t n,
           const Modulus& m) {
  const Reducer reduce(m);
  for (std::size_t j = 0; j < n; j += 8) {
    V high = _mm512_setzero_si512(), low = high;
    for (std::size_t i = 0; i < terms; ++i) {
      if (i != 0 && i % kLazyTerms == 0) {
        low = reduce(high, low);
        high = _mm512_setzero_si512();
      }
      const V x = load(a[i] + j), y = load(b[i] + j);
      high = _mm512_madd52hi_epu64(high, x, y);
      low = _mm512_madd52lo_epu64(low, x, y);
    }
    store(out + j, reduce(high, low));
  }
}

// Two vectors per step: the broadcast of a weight then serves both.
void combine_one(u64* out, const u64* const* y, const u64* w, std::size_t terms, std::size_t n,
                 const Modulus& m) {
  const Reducer reduce(m);
  const V zero = _mm512_setzero_si512();
  for (std::size_t j = 0; j < n; j += 16) {
    V high0 = zero, low0 = zero, high1 = zero, low1 = zero;
    for (std::size_t i = 0; i < terms; ++i) {
      if (i != 0 && i % kLazyTerms == 0) {
        low0 = reduce(high0, low0);
        low1 = reduce(high1, low1);
        high0 = high1 = zero;
      }
      const V weight = all(w[i]);
      const V a = load(y[i] + j), b = load(y[i] + j + 8);
      high0 = _mm512_madd52hi_epu64(high0, a, weight);
      low0 = _mm512_madd52lo_epu64(low0, a, weight);
      high1 = _mm512_madd52hi_epu64(high1, b, weight);
      low1 = _mm512_madd52lo_epu64(low1, b, weight);
    }
    store(out + j, reduce(high0, low0));
    store(out + j + 8, reduce(high1, low1));
  }
}

void combine(u64* const* out, const u64* const* y, const Weights* targets, std::size_t count,
             std::size_t n) {
  for (std::size_t j = 0; j < count; ++j)
    combine_one(out[j], y, targets[j].w.data(), targets[j].w.size(), n, targets[j].mod);
}

void round_sum(u64* out, const u64* const* y, const double* inverse_of, std::size_t terms,
               std::size_t n) {
  for (std::size_t j = 0; j < n; j += 8) {
    __m512d sum = _mm512_set1_pd(0.5);
    for (std::size_t i = 0; i < terms; ++i)
      sum = _mm512_add_pd(
          sum, _mm512_mul_pd(_mm512_cvtepu64_pd(load(y[i] + j)), _mm512_set1_pd(inverse_of[i])));
    store(out + j, _mm512_cvttpd_epu64(sum));
  }
}

// An automorphism's index maps aligned blocks to aligned blocks, so eight values come from one
// vector.
inline V pick(const u64* a, const std::uint32_t* index, std::uint32_t mask) {
  const V lanes =
      _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(index)));
  return _mm512_permutexvar_epi64(
      lanes,
      load(a + (index[0] & mask & ~7u)));  // of each lane index the low three bits count
}

void gather(u64* out, const u64* a, const std::uint32_t* index, std::uint32_t mask, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 8) store(out + i, pick(a, index + i, mask));
}

// The nearest multiple of q is taken away in one rounding, which is exact.
void residues(u64* out, const double* x, std::size_t n, const Modulus& m) {
  const V q = all(m.q);
  const __m512d prime = _mm512_set1_pd(m.q), by = _mm512_set1_pd(1.0 / m.q);
  for (std::size_t i = 0; i < n; i += 8) {
    const __m512d value = _mm512_loadu_pd(x + i);
    const __m512d quotient = _mm512_roundscale_pd(_mm512_mul_pd(value, by),
                                                  _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const V r = _mm512_cvtpd_epi64(_mm512_fnmadd_pd(quotient, prime, value));
    store(out + i, _mm512_min_epu64(r, _mm512_add_epi64(r, q)));
  }
}

// Eight values begin at a byte. Each lies in the eight bytes from that of its first bit on.
void unpack(u64* out, const std::uint8_t* in, int width, std::size_t n) {
  const auto bits = static_cast<u64>(width);
  const V first =
      _mm512_setr_epi64(0, width, 2 * width, 3 * width, 4 * width, 5 * width, 6 * width, 7 * width);
  // byte i of a lane is byte i after the lane's first
  const V bytes =
      _mm512_add_epi64(_mm512_mullo_epi64(_mm512_srli_epi64(first, 3), all(0x0101010101010101)),
                       all(0x0706050403020100));
  const V right = _mm512_and_si512(first, all(7)), mask = all((u64{1} << bits) - 1);
  for (std::size_t i = 0; i < n; i += 8) {
    const V words = _mm512_permutexvar_epi8(bytes, _mm512_loadu_si512(in + i / 8 * bits));
    store(out + i, _mm512_and_si512(_mm512_srlv_epi64(words, right), mask));
  }
}

}  // namespace

const Kernels& built_ifma_kernels() {
  static const Kernels table{"ifma",         forward,  inverse,      add,
                             subtract,       multiply, multiply_add, scale,
                             subtract_scale, inner,    combine,      round_sum,
                             gather,         residues, unpack,       &built_avx2_embedding()};
  return table;
}

}  // namespace pliant::ckks
#endif
