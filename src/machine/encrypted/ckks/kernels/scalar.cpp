// The reference: plain loops over word.h.
#include <cstring>

#include "machine/encrypted/ckks/kernels/butterflies.h"
#include "machine/encrypted/ckks/kernels/kernels.h"

namespace pliant::ckks {

namespace {

u64 once(u64 x, u64 bound) { return x >= bound ? x - bound : x; }

// Harvey's lazy butterflies: values stay in [0, 4q) until the end.
void forward(u64* x, const NttTable& table) {
  const u64 q = table.mod.q;
  const std::size_t n = std::size_t{1} << table.log_n;
  for (std::size_t m = 1, t = n / 2; m < n; m *= 2, t /= 2)
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 2 * i * t; j < 2 * i * t + t; ++j) {
        const u64 u = once(x[j], 2 * q);
        const u64 v = multiply_lazy(x[j + t], table.w[m + i], table.w_shoup[m + i], q);
        x[j] = u + v;
        x[j + t] = u + 2 * q - v;
      }
  for (std::size_t j = 0; j < n; ++j) x[j] = once(once(x[j], 2 * q), q);
}

void inverse(u64* x, const NttTable& table, ShoupFactor times) {
  const u64 q = table.mod.q;
  const std::size_t n = std::size_t{1} << table.log_n;
  for (std::size_t m = n / 2, t = 1; m >= 1; m /= 2, t *= 2)
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 2 * i * t; j < 2 * i * t + t; ++j) {
        const u64 u = x[j];
        const u64 v = x[j + t];
        x[j] = once(u + v, 2 * q);
        x[j + t] = multiply_lazy(u + 2 * q - v, table.iw[m + i], table.iw_shoup[m + i], q);
      }
  for (std::size_t j = 0; j < n; ++j) x[j] = multiply(x[j], times.w, times.w_shoup, q);
}

void add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = ckks::add(a[i], b[i], m.q);
}

void subtract(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = ckks::subtract(a[i], b[i], m.q);
}

void multiply_arrays(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = ckks::multiply(a[i], b[i], m);
}

void multiply_add(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = reduce(static_cast<u128>(a[i]) * b[i] + out[i], m);
}

void scale(u64* out, const u64* a, ShoupFactor by, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = ckks::multiply(a[i], by.w, by.w_shoup, m.q);
}

void subtract_scale(u64* out, const u64* a, const u64* b, ShoupFactor by, std::size_t n,
                    const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i)
    out[i] = ckks::multiply(a[i] + m.q - b[i], by.w, by.w_shoup, m.q);
}

void inner(u64* out, const u64* const* a, const u64* const* b, std::size_t terms, std::size_t n,
           const Modulus& m) {
  for (std::size_t j = 0; j < n; ++j) {
    u128 sum = 0;  // products are below 2^100: 2^28 of them fit
    for (std::size_t i = 0; i < terms; ++i) sum += static_cast<u128>(a[i][j]) * b[i][j];
    out[j] = reduce(sum, m);
  }
}

void combine(u64* const* out, const u64* const* y, const Weights* targets, std::size_t count,
             std::size_t n) {
  for (const Weights* target = targets; target < targets + count; ++target, ++out)
    for (std::size_t j = 0; j < n; ++j) {
      u128 sum = 0;
      for (std::size_t i = 0; i < target->w.size(); ++i)
        sum += static_cast<u128>(y[i][j]) * target->w[i];
      (*out)[j] = reduce(sum, target->mod);
    }
}

void round_sum(u64* out, const u64* const* y, const double* inverse_of, std::size_t terms,
               std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    double sum = 0.5;
    for (std::size_t i = 0; i < terms; ++i) sum += y[i][j] * inverse_of[i];
    out[j] = static_cast<u64>(sum);
  }
}

void gather(u64* out, const u64* a, const std::uint32_t* index, std::uint32_t mask, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[index[i] & mask];
}

void residues(u64* out, const double* x, std::size_t n, const Modulus& m) {
  for (std::size_t i = 0; i < n; ++i) out[i] = from_signed(static_cast<std::int64_t>(x[i]), m);
}

void unpack(u64* out, const std::uint8_t* in, int width, std::size_t n) {
  const u64 mask = (u64{1} << width) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t bit = i * static_cast<std::size_t>(width);
    u64 word = 0;  // with up to 7 bits of the one before
    std::memcpy(&word, in + bit / 8, sizeof word);
    out[i] = word >> bit % 8 & mask;
  }
}

struct Single {
  using Vector = double;
  static constexpr std::size_t width = 1;
  static double load(const double* p) { return *p; }
  static void store(double* p, double v) { *p = v; }
  static double all(double x) { return x; }
};

constexpr EmbeddingStages kStages{fold2_lanes<Single>, two_stages<Single, true>,
                                  unfold2_lanes<Single>, two_stages<Single, false>};

}  // namespace

const EmbeddingStages& scalar_embedding() { return kStages; }

const Kernels& scalar_kernels() {
  static constexpr Kernels table{"scalar",       forward,         inverse,      add,
                                 subtract,       multiply_arrays, multiply_add, scale,
                                 subtract_scale, inner,           combine,      round_sum,
                                 gather,         residues,        unpack,       &kStages};
  return table;
}

}  // namespace pliant::ckks
