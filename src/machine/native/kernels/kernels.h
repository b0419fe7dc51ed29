// The per-instruction-set inner kernels: plain functions over pointers, compiled once per
// instruction set and chosen by table. Every kernel reads and writes exactly the elements named
// (never beyond, so an operand may end at a guard page) and gives the same bits on every
// instruction set with fused multiply-add: sums along a row run in 16 virtual lanes that are
// combined in one fixed order, whatever the vector length is.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "graph/kinds/expr.h"
#include "machine/native/kernels/isa.h"

namespace pliant::native {

inline constexpr std::int64_t block_elements = 256;  // the interpreter's unit of work

inline constexpr std::int64_t strip_height = 8;  // of a left-hand side packed beforehand

// c[i * c_m + j] = (first ? 0 : c[i * c_m + j]) + sum over p of a[i * a_m + p * a_k] * b[p * b_k +
// j], p in order.
struct GemmBlock {
  const float* a = nullptr;
  std::int64_t a_m = 0, a_k = 0;
  std::int64_t a_strip = 0;  // where not 0: rows are in strips of strip_height, so far apart
  const float* b = nullptr;
  std::int64_t b_k = 0;
  const std::int64_t* b_rows = nullptr;  // row p of b is at b + b_rows[p] instead
  bool padded = false;                   // rows of b are readable up to a multiple of 16 elements
  float* c = nullptr;
  std::int64_t c_m = 0;
  std::int64_t m = 0, n = 0, k = 0;
  bool first = true;
};

struct GemmKernels {
  void (*block)(const GemmBlock& block);
  // out[j] = dot(a, b + j * b_row) over k elements, j < count
  void (*dots)(const float* a, const float* b, std::int64_t b_row, std::int64_t k,
               std::int64_t count, float* out);
  int lanes;
};
const GemmKernels& gemm_kernels(Isa isa);

// An expression that takes one argument through a row of steps with arguments or constants: what
// follows a convolution (bias, scale, residual, clamp) stays in registers from the first step to
// the last.
struct StepChain {
  struct Link {
    Fn fn = Fn::add;  // add, subtract, multiply, maximum or minimum
    int argument = -1;
    float constant = 0;     // where there is no argument
    bool reversed = false;  // fn(operand, value) rather than fn(value, operand)
  };
  static constexpr std::size_t most_links = 8;
  int start = -1;  // argument; -1: the expression is no chain
  std::vector<Link> links;

  // max(start * scale + shift, floor) of scalars, the most common chain; the constants that change
  // nothing stand in for steps that it has not.
  struct Affine {
    int scale = -1, shift = -1;  // arguments, or else
    float scale_constant = 1, shift_constant = -0.0F, floor = -HUGE_VALF;
  };
  std::optional<Affine> affine;
};

// A Map's expression made ready: constants rounded to f32.
struct Code {
  std::vector<Instruction> instructions;
  std::vector<float> constants;  // by instruction
  std::vector<int> arities;      // by instruction
};

// One operand along a run: element i is at data + i * stride * size_of(dtype).
struct Argument {  // without defaults: arrays of them are made for every row, most of them unused
  const std::byte* data;
  DType dtype;
  std::int64_t stride;
};

struct MapKernels {
  // out[i] = code(arguments at i), computed in f32 and converted, i < n. `out` may be one of the
  // arguments.
  void (*interpret)(const Code& code, const Argument* arguments, std::byte* out, DType dtype,
                    std::int64_t n);
  // As interpret() for f32 arguments of stride 0 or 1, the start's 1. `out` may be one of those of
  // stride 1.
  void (*chain)(const StepChain& chain, const Argument* arguments, float* out, std::int64_t n);
  void (*add)(float* out, const float* x, std::int64_t n);  // out += x
};
const MapKernels& map_kernels(Isa isa);

// Along a row of n elements. Sums are in f64.
struct RowKernels {
  double (*sum)(const float* x, std::int64_t n);
  double (*squares)(const float* x, std::int64_t n, float mean);  // sum of (x - mean)^2
  double (*product)(const float* x, std::int64_t n);
  float (*maximum)(const float* x, std::int64_t n);
  float (*minimum)(const float* x, std::int64_t n);
  double (*exponentials)(const float* x, std::int64_t n, float maximum,
                         float* out);  // sum of exp(x - maximum); out or 0
  // (x - s) * m
  void (*affine)(const float* x, std::int64_t n, float subtract, float multiply, float* out);
  // out*keep + weight*x
  void (*multiply_add)(float* out, float keep, float weight, const float* x, std::int64_t n);
  bool (*finite)(const float* x, std::int64_t n);  // all of it
};
const RowKernels& row_kernels(Isa isa);

// Column by column over n <= block_elements columns: one more row x is taken into the accumulators.
struct ColumnKernels {
  void (*sum)(double* total, const float* x, std::int64_t n);
  void (*squares)(double* total, const float* x, const float* mean, std::int64_t n);
  void (*product)(double* total, const float* x, std::int64_t n);
  void (*maximum)(float* total, const float* x, std::int64_t n);
  void (*minimum)(float* total, const float* x, std::int64_t n);
  // out or 0
  void (*exponentials)(double* total, const float* x, const float* maximum, float* out,
                       std::int64_t n);
  void (*affine)(const float* x, const float* subtract, const float* multiply, float* out,
                 std::int64_t n);
};
const ColumnKernels& column_kernels(Isa isa);

// Lines of outputs of a window whose taps are runs at fixed distances from the line: see Band.
// Reads up to 15 floats beyond the last run.
struct TapLines {
  const float* from = nullptr;
  std::int64_t step = 0;  // from one line to the next
  const std::int64_t* offsets = nullptr;
  std::int64_t taps = 0;
  float* out = nullptr;
  std::int64_t width = 0, lines = 0;
};

// Lines of a plane brought side by side, each split into phases: element j of phase p is x[from + j
// * phases] of its line for first <= j < last, else the filling. Up to 31 floats behind the last
// line are overwritten.
struct LinePart {
  std::int64_t first = 0, last = 0, from = 0;
};
struct BandLines {
  const float* x = nullptr;
  std::int64_t height = 0, width = 0;
  std::int64_t top = 0, every = 1, lines = 0;  // lines top, top + every, ...
  const LinePart* parts = nullptr;
  std::int64_t phases = 1, pitch = 0, length = 0;  // floats from line to line, elements of a phase
  float filling = 0;
  float* to = nullptr;
};

// out[j] = sum over taps t in order of weights[t] * taps[t][j] (depthwise), or out[j] joined by the
// maximum or sum of the taps (pooling).
struct TapKernels {
  void (*weighted)(const float* const* taps, const float* weights, std::int64_t count, float* out,
                   std::int64_t n);
  void (*maximum)(const float* const* taps, std::int64_t count, float* out, std::int64_t n);
  void (*sum)(const float* const* taps, std::int64_t count, float* out, std::int64_t n);
  // The same bits, line by line.
  void (*weighted_lines)(const TapLines& lines, const float* weights);
  void (*maximum_lines)(const TapLines& lines);
  void (*sum_lines)(const TapLines& lines);
  void (*bring)(const BandLines& lines);
};
const TapKernels& tap_kernels(Isa isa);

// Transforms of tiles of 2x2 or 4x4 outputs of a 3x3 convolution, winograd_tiles at most at a time.
inline constexpr std::int64_t winograd_tiles = 28;

struct WinogradInput {
  const float* x = nullptr;  // one channel
  std::int64_t height = 0, width = 0;
  // of the first tile's window; what is outside of the plane is 0
  std::int64_t top = 0, left = 0;
  std::int64_t rows = 0, columns = 0;  // of tiles
  float* out = nullptr;                // element p of transformed tile t at [p * step + t]
  std::int64_t step = 0;
};
struct WinogradOutput {
  // element p of tile t and channel c at [p * step + t * padded + c]
  const float* products = nullptr;
  std::int64_t step = 0, padded = 0, channels = 0;
  std::int64_t rows = 0, columns = 0;  // of tiles
  std::int64_t height = 0, width = 0;  // pixels that these tiles have inside of the image
  float* out = nullptr;                // channel c at c * plane, line y at y * pitch
  std::int64_t pitch = 0, plane = 0;
};
struct WinogradKernels {
  void (*input2)(const WinogradInput& input);
  void (*output2)(const WinogradOutput& output);
  void (*input4)(const WinogradInput& input);
  void (*output4)(const WinogradOutput& output);
};
const WinogradKernels& winograd_kernels(Isa isa);

}  // namespace pliant::native
