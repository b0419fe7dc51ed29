// The embedding's butterflies for any width of vector: plain double in the scalar kernels, wider
// ones in files of their own instruction set. Without fused multiply-add, so that all give the same
// bits.
#pragma once

#include <cstddef>

namespace pliant::ckks {

template <typename Lanes>
struct Split {
  typename Lanes::Vector re, im;  // Lanes has Vector, width, load, store and all
};

template <typename Lanes>
inline Split<Lanes> sum(Split<Lanes> a, Split<Lanes> b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename Lanes>
inline Split<Lanes> difference(Split<Lanes> a, Split<Lanes> b) {
  return {a.re - b.re, a.im - b.im};
}
template <typename Lanes>
inline Split<Lanes> times(Split<Lanes> a, Split<Lanes> w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}
template <typename Lanes>
inline Split<Lanes> times_conjugate(Split<Lanes> a, Split<Lanes> w) {
  return {a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im};
}

// Two stages of the way to coefficients and back. The second half of a stage's twiddles are the
// first half's times -i: 5^(length / 4) = 1 + 3 length modulo 4 length, for lengths from 8.
template <typename Lanes>
inline void fold(Split<Lanes> (&v)[4], Split<Lanes> w1, Split<Lanes> w2) {
  const Split<Lanes> b0 = sum(v[0], v[2]), b1 = sum(v[1], v[3]);
  const Split<Lanes> b2 = times_conjugate(difference(v[0], v[2]), w1),
                     turned = times_conjugate(difference(v[1], v[3]), w1);
  const Split<Lanes> b3{-turned.im, turned.re};
  v[0] = sum(b0, b1);
  v[1] = sum(b2, b3);
  v[2] = times_conjugate(difference(b0, b1), w2);
  v[3] = times_conjugate(difference(b2, b3), w2);
}
template <typename Lanes>
inline void unfold(Split<Lanes> (&v)[4], Split<Lanes> w1, Split<Lanes> w2) {
  const Split<Lanes> right = times(v[2], w2), left = times(v[3], w2);
  const Split<Lanes> b0 = sum(v[0], right), b1 = difference(v[0], right);
  const Split<Lanes> b2 = times(sum(v[1], left), w1), turned = times(difference(v[1], left), w1);
  const Split<Lanes> b3{turned.im, -turned.re};
  v[0] = sum(b0, b2);
  v[1] = sum(b1, b3);
  v[2] = difference(b0, b2);
  v[3] = difference(b1, b3);
}

template <typename Lanes>
inline Split<Lanes> load_split(const double* x, std::size_t n) {
  return {Lanes::load(x), Lanes::load(x + n)};
}
template <typename Lanes>
inline void store_split(double* x, std::size_t n, Split<Lanes> v) {
  Lanes::store(x, v.re);
  Lanes::store(x + n, v.im);
}
template <typename Lanes>
inline Split<Lanes> twiddle(const double* w, std::size_t length, std::size_t p) {
  return {Lanes::all(w[p]), Lanes::all(w[length / 2 + p])};
}

template <typename Lanes>
inline void fold2_lanes(const double* x, double* y, const double* w, std::size_t n, std::size_t s) {
  const std::size_t half = n / s / 2;
  for (std::size_t p = 0; p < half; ++p) {
    const auto turn = twiddle<Lanes>(w, 2 * half, p);
    for (std::size_t q = 0; q < s; q += Lanes::width) {
      const auto u = load_split<Lanes>(x + q + s * p, n),
                 v = load_split<Lanes>(x + q + s * (p + half), n);
      store_split<Lanes>(y + q + 2 * s * p, n, sum(u, v));
      store_split<Lanes>(y + q + 2 * s * p + s, n, times_conjugate(difference(u, v), turn));
    }
  }
}

template <typename Lanes>
inline void unfold2_lanes(const double* x, double* y, const double* w, std::size_t n,
                          std::size_t s) {
  const std::size_t half = n / s / 2;
  for (std::size_t p = 0; p < half; ++p) {
    const auto turn = twiddle<Lanes>(w, 2 * half, p);
    for (std::size_t q = 0; q < s; q += Lanes::width) {
      const auto u = load_split<Lanes>(x + q + 2 * s * p, n),
                 v = times(load_split<Lanes>(x + q + 2 * s * p + s, n), turn);
      store_split<Lanes>(y + q + s * p, n, sum(u, v));
      store_split<Lanes>(y + q + s * (p + half), n, difference(u, v));
    }
  }
}

template <typename Lanes, bool kFold>
inline void two_stages(const double* x, double* y, const double* w1, const double* w2,
                       std::size_t n, std::size_t s) {
  const std::size_t quarter = n / s / 4;
  const std::size_t apart = kFold ? s * quarter : s, apart_out = kFold ? s : s * quarter;
  for (std::size_t p = 0; p < quarter; ++p) {
    const auto t1 = twiddle<Lanes>(w1, 4 * quarter, p), t2 = twiddle<Lanes>(w2, 2 * quarter, p);
    const double* from = x + (kFold ? s * p : 4 * s * p);
    double* to = y + (kFold ? 4 * s * p : s * p);
    for (std::size_t q = 0; q < s; q += Lanes::width) {
      Split<Lanes> v[4];
      for (std::size_t k = 0; k < 4; ++k) v[k] = load_split<Lanes>(from + q + k * apart, n);
      if constexpr (kFold) fold(v, t1, t2);
      else unfold(v, t1, t2);
      for (std::size_t k = 0; k < 4; ++k) store_split<Lanes>(to + q + k * apart_out, n, v[k]);
    }
  }
}

}  // namespace pliant::ckks
