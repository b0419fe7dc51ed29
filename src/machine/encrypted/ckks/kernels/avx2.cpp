// AVX2 kernels. The instruction set has no wide integer product, so residues are computed as
// doubles that hold integers: the rounded product and its exact error (by fused multiply-add) give
// x w mod q for primes below 2^50. Every double here is an integer below 2^53, so nothing is ever
// rounded away.
#ifdef __x86_64__
#include <immintrin.h>

#include "machine/encrypted/ckks/kernels/isa.h"

namespace pliant::ckks {

namespace {

using D = __m256d;

constexpr double kMagic = 0x1p52;

inline D load(const u64* p) {  // integers below 2^52 -> doubles
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256d magic = _mm256_set1_pd(kMagic);
  return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(v, _mm256_castpd_si256(magic))), magic);
}
inline void store(u64* p, D d) {  // doubles in [0, 2^52) -> integers
  const __m256d magic = _mm256_set1_pd(kMagic);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm256_castpd_si256(_mm256_xor_pd(_mm256_add_pd(d, magic), magic)));
}
inline D load_raw(const u64* p) { return _mm256_loadu_pd(reinterpret_cast<const double*>(p)); }
inline void store_raw(u64* p, D d) { _mm256_storeu_pd(reinterpret_cast<double*>(p), d); }
inline D nearest(D d) { return _mm256_round_pd(d, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

struct Prime {
  D q, inverse;
  explicit Prime(u64 value) : q(_mm256_set1_pd(value)), inverse(_mm256_set1_pd(1.0 / value)) {}

  // into about [-q/2, q/2]
  D reduce(D x) const { return _mm256_fnmadd_pd(nearest(_mm256_mul_pd(x, inverse)), q, x); }
  // x w modulo q in (-2q, 2q), for |x| < 2^52, |w| < q.
  D multiply(D x, D w) const {
    const D high = _mm256_mul_pd(x, w);
    const D low = _mm256_fmsub_pd(x, w, high);
    const D quotient = nearest(_mm256_mul_pd(high, inverse));
    return _mm256_add_pd(_mm256_fnmadd_pd(quotient, q, high), low);
  }
  D canonical(D x) const {  // |x| < 2^53 -> [0, q)
    const D r = reduce(x);
    return _mm256_add_pd(r, _mm256_and_pd(q, _mm256_cmp_pd(r, _mm256_setzero_pd(), _CMP_LT_OQ)));
  }
};

struct Pair {
  D x, y;
};

// Products are in (-2q, 2q) and x is reduced first, so values stay below 2.5 q < 2^52 between
// stages.
inline Pair forward_step(D x, D y, D w, const Prime& p) {
  const D u = p.reduce(x);
  const D v = p.multiply(y, w);
  return {_mm256_add_pd(u, v), _mm256_sub_pd(u, v)};
}
inline Pair inverse_step(D x, D y, D w, const Prime& p) {
  return {p.reduce(_mm256_add_pd(x, y)), p.reduce(p.multiply(_mm256_sub_pd(x, y), w))};
}

inline D two_to_lanes(const u64* w) {
  return _mm256_setr_pd(static_cast<long long>(w[0]), static_cast<long long>(w[0]),
                        static_cast<long long>(w[1]), static_cast<long long>(w[1]));
}

inline D halves(D a, D b, int which) {
  return which == 0 ? _mm256_permute2f128_pd(a, b, 0x20) : _mm256_permute2f128_pd(a, b, 0x31);
}

// Stages t = 2 and 1 of eight values, and the way back to integers.
inline void forward_last(u64* x, std::size_t n, const u64* w, const Prime& p) {
  std::size_t m = n / 4;
  for (std::size_t j = 0; j < n; j += 8, m += 2) {
    const D a = load_raw(x + j), b = load_raw(x + j + 4);
    Pair s = forward_step(halves(a, b, 0), halves(a, b, 1), two_to_lanes(w + m), p);
    s = forward_step(_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y), load(w + 2 * m),
                     p);
    const D x0 = p.canonical(_mm256_unpacklo_pd(s.x, s.y)),
            x1 = p.canonical(_mm256_unpackhi_pd(s.x, s.y));
    store(x + j, halves(x0, x1, 0));
    store(x + j + 4, halves(x0, x1, 1));
  }
}

inline void inverse_first(u64* x, std::size_t n, const u64* w, const Prime& p) {
  std::size_t m = n / 4;
  for (std::size_t j = 0; j < n; j += 8, m += 2) {
    const D a = load(x + j), b = load(x + j + 4);
    Pair s = {halves(a, b, 0), halves(a, b, 1)};  // a0 a1 b0 b1 | a2 a3 b2 b3
    s = inverse_step(_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y), load(w + 2 * m),
                     p);
    s = inverse_step(_mm256_unpacklo_pd(s.x, s.y), _mm256_unpackhi_pd(s.x, s.y),
                     two_to_lanes(w + m), p);
    store_raw(x + j, halves(s.x, s.y, 0));
    store_raw(x + j + 4, halves(s.x, s.y, 1));
  }
}

// Stages down to (or up from) t = 4 of a block of n values, depth first.
void forward_block(u64* x, std::size_t n, std::size_t root, const u64* w, const Prime& p) {
  const D wv = _mm256_set1_pd(w[root]);
  for (std::size_t j = 0; j < n / 2; j += 4) {
    const Pair s = forward_step(load_raw(x + j), load_raw(x + j + n / 2), wv, p);
    store_raw(x + j, s.x);
    store_raw(x + j + n / 2, s.y);
  }
  if (n > 8) {
    forward_block(x, n / 2, 2 * root, w, p);
    forward_block(x + n / 2, n / 2, 2 * root + 1, w, p);
  }
}

void inverse_block(u64* x, std::size_t n, std::size_t root, const u64* w, const Prime& p) {
  if (n > 8) {
    inverse_block(x, n / 2, 2 * root, w, p);
    inverse_block(x + n / 2, n / 2, 2 * root + 1, w, p);
  }
  const D wv = _mm256_set1_pd(w[root]);
  for (std::size_t j = 0; j < n / 2; j += 4) {
    const Pair s = inverse_step(load_raw(x + j), load_raw(x + j + n / 2), wv, p);
    store_raw(x + j, s.x);
    store_raw(x + j + n / 2, s.y);
  }
}

void forward(u64* x, const NttTable& table) {
  const std::size_t n = std::size_t{1} << table.log_n;
  const Prime p(table.mod.q);
  for (std::size_t j = 0; j < n; j += 4) store_raw(x + j, load(x + j));
  forward_block(x, n, 1, table.w.data(), p);
  forward_last(x, n, table.w.data(), p);
}

void inverse(u64* x, const NttTable& table, ShoupFactor times) {
  const std::size_t n = std::size_t{1} << table.log_n;
  const Prime p(table.mod.q);
  inverse_first(x, n, table.iw.data(), p);
  inverse_block(x, n, 1, table.iw.data(), p);
  const D w = _mm256_set1_pd(times.w);
  for (std::size_t j = 0; j < n; j += 4) store(x + j, p.canonical(p.multiply(load_raw(x + j), w)));
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
  const D w = _mm256_set1_pd(by.w);
  for (std::size_t i = 0; i < n; i += 4)
    store(out + i, p.canonical(p.multiply(p.reduce(load(a + i)), w)));
}

void subtract_scale(u64* out, const u64* a, const u64* b, ShoupFactor by, std::size_t n,
                    const Modulus& m) {
  const Prime p(m.q);
  const D w = _mm256_set1_pd(by.w);
  for (std::size_t i = 0; i < n; i += 4)
    store(out + i, p.canonical(p.multiply(_mm256_sub_pd(load(a + i), load(b + i)), w)));
}

// Sums of residues are reduced after each term: a reduced sum plus a product stays below 2.5 q.
void inner(u64* out, const u64* const* a, const u64* const* b, std::size_t terms, std::size_t n,
           const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t j = 0; j < n; j += 4) {
    D sum = _mm256_setzero_pd();
    for (std::size_t i = 0; i < terms; ++i)
      sum = p.reduce(_mm256_add_pd(sum, p.multiply(load(a[i] + j), load(b[i] + j))));
    store(out + j, p.canonical(sum));
  }
}

void combine(u64* out, const u64* const* y, const u64* w, std::size_t terms, std::size_t n,
             const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t j = 0; j < n; j += 4) {
    D sum = _mm256_setzero_pd();
    for (std::size_t i = 0; i < terms; ++i) {
      const D weight = _mm256_set1_pd(w[i]);
      sum = p.reduce(_mm256_add_pd(sum, p.multiply(p.reduce(load(y[i] + j)), weight)));
    }
    store(out + j, p.canonical(sum));
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

inline __m256i pick(const u64* a, const std::uint32_t* index, std::uint32_t mask) {
  const __m128i at = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index));
  return _mm256_i32gather_epi64(reinterpret_cast<const long long*>(a),
                                _mm_and_si128(at, _mm_set1_epi32(static_cast<int>(mask))), 8);
}

void gather(u64* out, const u64* a, const std::uint32_t* index, std::uint32_t mask, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 4) store_int(out + i, pick(a, index + i, mask));
}

void residues(u64* out, const double* x, std::size_t n, const Modulus& m) {
  const Prime p(m.q);
  for (std::size_t i = 0; i < n; i += 4) store(out + i, p.canonical(_mm256_loadu_pd(x + i)));
}

void unpack(u64* out, const std::uint8_t* in, int width, std::size_t n) {
  const auto bits = static_cast<std::size_t>(width);
  const auto lanes = [](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    return _mm256_setr_epi64x(static_cast<long long>(a), static_cast<long long>(b),
                              static_cast<long long>(c), static_cast<long long>(d));
  };
  const auto at = [&](std::size_t k) {
    return lanes(k * bits / 8, (k + 1) * bits / 8, (k + 2) * bits / 8, (k + 3) * bits / 8);
  };
  const auto by = [&](std::size_t k) {
    return lanes(k * bits % 8, (k + 1) * bits % 8, (k + 2) * bits % 8, (k + 3) * bits % 8);
  };
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>((u64{1} << width) - 1));
  const __m256i byte[] = {at(0), at(4)}, shift[] = {by(0), by(4)};
  for (std::size_t i = 0; i < n; i += 8)
    for (std::size_t half = 0; half < 2; ++half) {
      const auto* from = reinterpret_cast<const long long*>(in + i / 8 * bits);
      const __m256i words = _mm256_i64gather_epi64(from, byte[half], 1);
      store_int(out + i + 4 * half, _mm256_and_si256(_mm256_srlv_epi64(words, shift[half]), mask));
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
