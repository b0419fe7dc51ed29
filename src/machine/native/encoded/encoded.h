// Matrix products with encoded weights: the weights' own bytes against activations rounded to 8
// bits in blocks of 32. The integer sums are exact and the float ones run in 8 virtual lanes, so
// every instruction set gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "machine/native/kernels/isa.h"
#include "quant/encoding.h"

namespace pliant::native {

inline constexpr std::int64_t rounded_block = 32;

// Rows of k activations, k a multiple of 32: x[i] is about scales[i / 32] * codes[i], |codes| <=
// 127. A block with a NaN or infinite value has the scale NaN; one that is everywhere below 1e-30
// is 0.
struct RoundedRows {
  std::int8_t* codes = nullptr;  // [rows, k]
  float* scales = nullptr;       // [rows, k / 32]
  // [rows, k] bytes: what neighbouring codes add because codes of weights are unsigned, as the
  // encoding of the weights wants it (an integer or a float). round(): of each four; round_tall(),
  // and round() where blocks of 256 have minima: of as many as share a scale, at the beginning of
  // the row.
  std::byte* lanes = nullptr;
  std::int64_t k = 0;

  static std::int64_t bytes(std::int64_t rows, std::int64_t k);  // that they take, aligned to 64
  static RoundedRows at(std::byte* memory, std::int64_t rows, std::int64_t k);
};

// out[r][j] = keep[r] * out[r][j] + sum over i of weights[r][i] * row i[j], in the order of i; r <
// results, i < count, j < n.
struct WeighedRows {
  const std::byte* rows = nullptr;  // n elements each
  std::int64_t row_bytes = 0, count = 0, n = 0;
  const float *weights = nullptr, *keep = nullptr;
  std::int64_t weight_row = 0, results = 0;
  float* out = nullptr;
  std::int64_t out_row = 0;
};

struct EncodedKernels {
  // `elements`, whole blocks, as decode_blocks() of quant gives them, to the bit.
  void (*decode)(Encoding encoding, const std::byte* blocks, std::int64_t elements, float* into);
  // x[0 .. k) as row `row`, for weights of this block encoding.
  void (*round)(Encoding encoding, const float* x, std::int64_t row, const RoundedRows& to);
  // out[r * out_row + j] = dot(activation row r, weight row j), r < rows, j < count; the weights'
  // rows are k elements in blocks.
  void (*dots)(Encoding encoding, const std::byte* weights, std::int64_t count,
               const RoundedRows& x, std::int64_t rows, float* out, std::int64_t out_row);
  // The same for F16 and BF16, with activations as they are: row r at x + r * x_row. The bits are
  // those of GemmKernels::dots.
  void (*halves)(Encoding encoding, const std::byte* weights, std::int64_t count, const float* x,
                 std::int64_t x_row, std::int64_t k, std::int64_t rows, float* out,
                 std::int64_t out_row);
  // round() and dots() for many rows: columns of weights are unpacked once for all of them. Each
  // result is summed in the order of k, so it has other bits than that of dots().
  void (*round_tall)(Encoding encoding, const float* x, std::int64_t row, const RoundedRows& to);
  void (*tall)(Encoding encoding, const std::byte* weights, std::int64_t count,
               const RoundedRows& x, std::int64_t rows, float* out, std::int64_t out_row);
  // For the encodings of a cache: plain, F16, BF16, and Q8_0 and Q4_0, whose n are whole blocks.
  void (*weigh)(Encoding encoding, const WeighedRows& rows);
};

// "vnni512", "vnni", "avx2", "i8mm", "neon" or "scalar"
std::string_view name(const EncodedKernels& kernels);

inline constexpr std::int64_t tall_columns = 48;  // best for tall() are multiples of it

struct EncodedChoice {
  const EncodedKernels* kernels = nullptr;
  std::string reason;
};
// encoded_kernels(Isa::best), and why.
const EncodedChoice& chosen_encoded_kernels();

// The fastest of what `isa` allows and this processor has; of two widths of vectors the one that
// was faster in a short trial at the first call. The bits are the same.
const EncodedKernels& encoded_kernels(Isa isa);

// Whether products read it as it is written: all but plain.
bool has_product(Encoding encoding);

// One per instruction set; null where the compiler or the processor lacks it.
const EncodedKernels* scalar_encoded_kernels();
const EncodedKernels* avx2_encoded_kernels();
const EncodedKernels* vnni_encoded_kernels();
const EncodedKernels* wide_vnni_encoded_kernels();  // vectors of 512 bits for many rows
const EncodedKernels* neon_encoded_kernels();
const EncodedKernels* i8mm_encoded_kernels();

}  // namespace pliant::native
