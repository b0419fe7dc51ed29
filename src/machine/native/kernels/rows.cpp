#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rows.cpp"
#include <algorithm>
#include <cmath>
#include <cstring>

#include "hwy/foreach_target.h"
#include "machine/native/kernels/kernels.h"
//
#include "hwy/contrib/math/math-inl.h"
#include "machine/native/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

constexpr F32 d32;
constexpr int row_vectors = virtual_lanes / lanes32;
using F64 = hn::CappedTag<double, 8>;
constexpr std::int64_t lanes64 = HWY_TARGET == HWY_SCALAR ? 1 : lanes32 / 2;
using Narrow = hn::Rebind<float, F64>;

// The fixed order in which the virtual lanes are combined.
template <typename T, typename Combine>
T fold_lanes(T* lane, Combine combine) {
  for (std::int64_t width = virtual_lanes / 2; width > 0; width /= 2)
    for (std::int64_t i = 0; i < width; ++i) lane[i] = combine(lane[i], lane[i + width]);
  return lane[0];
}

// total[i] += x[i] for a whole number of f64 vectors
HWY_INLINE void accumulate(double* total, const float* x, std::int64_t n) {
  const F64 d;
  for (std::int64_t i = 0; i < n; i += lanes64)
    hn::StoreU(hn::Add(hn::LoadU(d, total + i), hn::PromoteTo(d, hn::LoadU(Narrow(), x + i))), d,
               total + i);
}

// Feeds 16 elements at a time; behind the end stand copies of `filler`.
struct Chunk {
  HWY_ALIGN float x[virtual_lanes];
  HWY_INLINE void read(const float* from, std::int64_t n, float filler) {
    if (n >= virtual_lanes) {
      std::memcpy(x, from, sizeof x);
    } else {
      std::memcpy(x, from, n * sizeof(float));
      for (std::int64_t i = n; i < virtual_lanes; ++i) x[i] = filler;
    }
  }
};

double add(double a, double b) { return a + b; }

using V64 = hn::Vec<F64>;
constexpr int sum_vectors = virtual_lanes / lanes64;

// Sums of the virtual lanes that stay in registers over a row.
struct Totals {
  V64 of[sum_vectors];
  HWY_INLINE Totals() {  // written out, for g++ compiles its own for no instruction set
#pragma GCC unroll 16
    for (int s = 0; s < sum_vectors; ++s) of[s] = hn::Zero(F64());
  }
  HWY_INLINE void take(const float* x) {  // 16 of them
#pragma GCC unroll 16
    for (int s = 0; s < sum_vectors; ++s)
      of[s] = hn::Add(of[s], hn::PromoteTo(F64(), hn::LoadU(Narrow(), x + s * lanes64)));
  }
  HWY_INLINE double result() const { return fold<Added>(F64(), of); }
};

double sum(const float* x, std::int64_t n) {
  Totals totals;
  std::int64_t i = 0;
  for (; i + virtual_lanes <= n; i += virtual_lanes) totals.take(x + i);
  if (i < n) {
    Chunk chunk;
    chunk.read(x + i, n - i, 0);
    totals.take(chunk.x);
  }
  return totals.result();
}

double squares(const float* x, std::int64_t n, float mean) {
  HWY_ALIGN double lane[virtual_lanes] = {};
  Chunk chunk;
  const V32 m = hn::Set(d32, mean);
  for (std::int64_t i = 0; i < n; i += virtual_lanes) {
    chunk.read(x + i, n - i, mean);
    for (int v = 0; v < row_vectors; ++v) {
      const V32 y = hn::Sub(hn::Load(d32, chunk.x + v * lanes32), m);
      hn::Store(hn::Mul(y, y), d32, chunk.x + v * lanes32);
    }
    accumulate(lane, chunk.x, virtual_lanes);
  }
  return fold_lanes(lane, add);
}

double product(const float* x, std::int64_t n) {
  double lane[virtual_lanes];
  std::fill(lane, lane + virtual_lanes, 1.0);
  for (std::int64_t i = 0; i < n; ++i) lane[i % virtual_lanes] *= x[i];
  return fold_lanes(
      lane, +[](double a, double b) { return a * b; });
}

// As in the interpreter.
template <bool is_max>
HWY_INLINE void take_extremes(const float* x, V32 (&best)[row_vectors]) {
#pragma GCC unroll 16
  for (int v = 0; v < row_vectors; ++v)
    best[v] = Farther<is_max>::of(best[v], hn::LoadU(d32, x + v * lanes32));
}

template <bool is_max>
float row_extreme(const float* x, std::int64_t n) {
  const float start = is_max ? -HUGE_VALF : HUGE_VALF;
  V32 best[row_vectors];
#pragma GCC unroll 16
  for (int v = 0; v < row_vectors; ++v) best[v] = hn::Set(d32, start);
  std::int64_t i = 0;
  for (; i + virtual_lanes <= n; i += virtual_lanes) take_extremes<is_max>(x + i, best);
  if (i < n) {
    Chunk chunk;
    chunk.read(x + i, n - i, start);
    take_extremes<is_max>(chunk.x, best);
  }
  return fold<Farther<is_max>>(d32, best);
}

HWY_INLINE void sixteen_exponentials(const float* x, V32 maximum, float* out) {
#pragma GCC unroll 16
  for (int v = 0; v < row_vectors; ++v)
    hn::StoreU(exponential(hn::Sub(hn::LoadU(d32, x + v * lanes32), maximum)), d32,
               out + v * lanes32);
}

// Softmax of a row of -inf alone must not give NaN here: -inf - -inf; such rows have exp 0.
double exponentials(const float* x, std::int64_t n, float maximum, float* out) {
  const V32 m = hn::Set(d32, maximum);
  Totals totals;
  Chunk chunk;
  std::int64_t i = 0;
  for (; i + virtual_lanes <= n; i += virtual_lanes) {
    float* to = out == nullptr ? chunk.x : out + i;
    sixteen_exponentials(x + i, m, to);
    totals.take(to);
  }
  if (const std::int64_t left = n - i; left > 0) {
    chunk.read(x + i, left, -HUGE_VALF);
    sixteen_exponentials(chunk.x, m, chunk.x);
    for (std::int64_t j = left; j < virtual_lanes; ++j) chunk.x[j] = 0;
    totals.take(chunk.x);
    if (out != nullptr) std::memcpy(out + i, chunk.x, left * sizeof(float));
  }
  return totals.result();
}

void affine(const float* x, std::int64_t n, float subtract, float multiply, float* out) {
  const V32 s = hn::Set(d32, subtract), m = hn::Set(d32, multiply);
  std::int64_t i = 0;
  for (; i + lanes32 <= n; i += lanes32)
    hn::StoreU(hn::Mul(hn::Sub(hn::LoadU(d32, x + i), s), m), d32, out + i);
  if (i < n) store_part(hn::Mul(hn::Sub(load_part(x + i, n - i), s), m), out + i, n - i);
}

void multiply_add(float* out, float keep, float weight, const float* x, std::int64_t n) {
  const V32 k = hn::Set(d32, keep), w = hn::Set(d32, weight);
  std::int64_t i = 0;
  for (; i + lanes32 <= n; i += lanes32)
    hn::StoreU(hn::MulAdd(w, hn::LoadU(d32, x + i), hn::Mul(k, hn::LoadU(d32, out + i))), d32,
               out + i);
  if (i < n)
    store_part(hn::MulAdd(w, load_part(x + i, n - i), hn::Mul(k, load_part(out + i, n - i))),
               out + i, n - i);
}

bool finite(const float* x, std::int64_t n) {
  const V32 zero = hn::Zero(d32);
  V32 check = zero;
  std::int64_t i = 0;
  for (; i + lanes32 <= n; i += lanes32) check = hn::MulAdd(hn::LoadU(d32, x + i), zero, check);
  if (i < n) check = hn::MulAdd(load_part(x + i, n - i), zero, check);
  return hn::AllTrue(d32, hn::Eq(check, zero));
}

// Columns: `total` has room for block_elements, so only x needs care at the end.

HWY_INLINE V32 row_at(const float* x, std::int64_t i, std::int64_t n) {
  return i + lanes32 <= n ? hn::LoadU(d32, x + i) : load_part(x + i, n - i);
}

HWY_INLINE void put(V32 v, float* out, std::int64_t i, std::int64_t n) {
  if (i + lanes32 <= n) hn::StoreU(v, d32, out + i);
  else store_part(v, out + i, n - i);
}

HWY_INLINE void widen(double* total, V32 v) {
  HWY_ALIGN float x[lanes32];
  hn::Store(v, d32, x);
  accumulate(total, x, lanes32);
}

void column_sum(double* total, const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes32) widen(total + i, row_at(x, i, n));
}

void column_squares(double* total, const float* x, const float* mean, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes32) {
    const V32 y = hn::Sub(row_at(x, i, n), hn::LoadU(d32, mean + i));
    widen(total + i, hn::Mul(y, y));
  }
}

void column_product(double* total, const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) total[i] *= x[i];
}

template <bool is_max>
void column_extreme(float* total, const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes32)
    hn::StoreU(Farther<is_max>::of(hn::LoadU(d32, total + i), row_at(x, i, n)), d32, total + i);
}

void column_exponentials(double* total, const float* x, const float* maximum, float* out,
                         std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes32) {
    const V32 y = exponential(hn::Sub(row_at(x, i, n), hn::LoadU(d32, maximum + i)));
    widen(total + i, y);
    if (out != nullptr) put(y, out, i, n);
  }
}

void column_affine(const float* x, const float* subtract, const float* multiply, float* out,
                   std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes32) {
    const V32 y = hn::Sub(row_at(x, i, n), hn::LoadU(d32, subtract + i));
    put(hn::Mul(y, hn::LoadU(d32, multiply + i)), out, i, n);
  }
}

const RowKernels* row_table() {
  static constexpr RowKernels table{
      sum,    squares,      product, row_extreme<true>, row_extreme<false>, exponentials,
      affine, multiply_add, finite};
  return &table;
}

const ColumnKernels* column_table() {
  static constexpr ColumnKernels table{
      column_sum,           column_squares,        column_product,
      column_extreme<true>, column_extreme<false>, column_exponentials,
      column_affine};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {
HWY_EXPORT(row_table);
HWY_EXPORT(column_table);
const RowKernels& row_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(row_table)[target_index(isa)]();
}
const ColumnKernels& column_kernels(Isa isa) {
  return *HWY_DISPATCH_TABLE(column_table)[target_index(isa)]();
}
}  // namespace pliant::native
#endif
