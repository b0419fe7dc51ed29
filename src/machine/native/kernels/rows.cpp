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

double sum(const float* x, std::int64_t n) {
  HWY_ALIGN double lane[virtual_lanes] = {};
  Chunk chunk;
  for (std::int64_t i = 0; i < n; i += virtual_lanes) {
    chunk.read(x + i, n - i, 0);
    accumulate(lane, chunk.x, virtual_lanes);
  }
  return fold_lanes(lane, add);
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

// As in the interpreter: b only where it is beyond a.
template <bool is_max>
HWY_INLINE V32 extreme(V32 a, V32 b) {
  return hn::IfThenElse(is_max ? hn::Gt(b, a) : hn::Lt(b, a), b, a);
}

template <bool is_max>
float row_extreme(const float* x, std::int64_t n) {
  const float start = is_max ? -HUGE_VALF : HUGE_VALF;
  HWY_ALIGN float lane[virtual_lanes];
  std::fill(lane, lane + virtual_lanes, start);
  Chunk chunk;
  for (std::int64_t i = 0; i < n; i += virtual_lanes) {
    chunk.read(x + i, n - i, start);
    for (int v = 0; v < row_vectors; ++v) {
      float* to = lane + v * lanes32;
      hn::Store(extreme<is_max>(hn::Load(d32, to), hn::Load(d32, chunk.x + v * lanes32)), d32, to);
    }
  }
  return fold_lanes(
      lane, +[](float a, float b) { return (is_max ? b > a : b < a) ? b : a; });
}

// Softmax of a row of -inf alone must not give NaN here: -inf - -inf; such rows have exp 0.
double exponentials(const float* x, std::int64_t n, float maximum, float* out) {
  HWY_ALIGN double lane[virtual_lanes] = {};
  Chunk chunk;
  const V32 m = hn::Set(d32, maximum);
  for (std::int64_t i = 0; i < n; i += virtual_lanes) {
    const std::int64_t count = std::min(n - i, virtual_lanes);
    chunk.read(x + i, count, -HUGE_VALF);
    for (int v = 0; v < row_vectors; ++v)
      hn::Store(exponential(hn::Sub(hn::Load(d32, chunk.x + v * lanes32), m)), d32,
                chunk.x + v * lanes32);
    for (std::int64_t j = count; j < virtual_lanes; ++j) chunk.x[j] = 0;
    accumulate(lane, chunk.x, virtual_lanes);
    if (out != nullptr) std::memcpy(out + i, chunk.x, count * sizeof(float));
  }
  return fold_lanes(lane, add);
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
    hn::StoreU(extreme<is_max>(hn::LoadU(d32, total + i), row_at(x, i, n)), d32, total + i);
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
      sum,          squares, product,     row_extreme<true>, row_extreme<false>,
      exponentials, affine,  multiply_add};
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
