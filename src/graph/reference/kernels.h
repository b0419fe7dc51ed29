// What the families of the reference evaluator share. Everything is addressed by tables of element
// offsets, so that permutations, diagonals, windows and broadcasts need no code of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "graph/kinds/kinds.h"

namespace pliant::reference {

struct OperatorCall {
  std::string_view place;  // the operator's name
  std::span<const TensorView> in, out;
  ThreadPool& pool;
};

void evaluate(const kind::Einsum& einsum, const OperatorCall& call);
void evaluate(const kind::Map& map, const OperatorCall& call);
void evaluate(const kind::Reduce& reduce, const OperatorCall& call);
void evaluate(const kind::Gather& gather, const OperatorCall& call);
void evaluate(const kind::Reshape& reshape, const OperatorCall& call);
void evaluate(const kind::Slice& slice, const OperatorCall& call);
void evaluate(const kind::Concat& concat, const OperatorCall& call);
void evaluate(const kind::Pad& pad, const OperatorCall& call);
void evaluate(const kind::Window& window, const OperatorCall& call);
void evaluate(const kind::Opaque& opaque, const OperatorCall& call);
void evaluate(const kind::Softmax& softmax, const OperatorCall& call);
void evaluate(const kind::Normalize& normalize, const OperatorCall& call);
void evaluate(const kind::Rotary& rotary, const OperatorCall& call);
void evaluate(const kind::Attention& attention, const OperatorCall& call);
void evaluate(const kind::Convolve& convolve, const OperatorCall& call);
void evaluate(const kind::Pool& pool, const OperatorCall& call);
void evaluate(const kind::CrossEntropy& loss, const OperatorCall& call);

using Offsets = std::vector<std::int64_t>;  // in elements

// The offsets of all points of a box, row-major.
Offsets box(const Shape& sizes, const Offsets& strides);

// get() and set(), inlined for the commonest type.
inline double read(const TensorView& view, std::int64_t index) {
  if (view.type.dtype == DType::f32) return static_cast<double>(view.as<float>()[index]);
  return get(view, index);
}
inline void write(const TensorView& view, std::int64_t index, double value) {
  if (view.type.dtype == DType::f32) view.as<float>()[index] = static_cast<float>(value);
  else set(view, index, value);
}

bool is_integer(const TensorView& view);  // bool included

// Calls work(begin, end) over [0, count) in ranges of at least `grain`.
void for_ranges(ThreadPool& pool, std::int64_t count, std::int64_t grain,
                const std::function<void(std::int64_t begin, std::int64_t end)>& work);

// c[batch, row, column] = sum over inner of a[batch, row, inner] * b[batch, column, inner]. Sums
// run in the order of `inner`, in f64, or in 64-bit integers (wrapping) when a, b and c are
// integers.
struct Factor {
  TensorView view;
  Offsets batch, outer, inner;
};
struct Target {
  TensorView view;
  Offsets batch, rows, columns;
};
void multiply(const Factor& a, const Factor& b, const Target& c, ThreadPool& pool);

// out[i] = fn over j of x[kept[i] + reduced[j]].
void reduce(kind::ReduceFn fn, const TensorView& x, const Offsets& kept, const Offsets& reduced,
            const TensorView& out, ThreadPool& pool);

// out[i0, i1, ...] = x[axes[0][i0] + axes[1][i1] + ...], or the fill element where a table holds
// `outside`.
inline constexpr std::int64_t outside = -1;
void copy_mapped(const TensorView& x, std::int64_t base, std::span<const Offsets> axes,
                 const TensorView& out, std::int64_t out_base, const std::byte* fill,
                 ThreadPool& pool);

// The operand of a windowed kind, padded (axis by axis; crops where negative), in its own dtype.
Tensor padded(const TensorView& x, const kind::Pad& pad, ThreadPool& pool);

std::vector<double> to_doubles(const TensorView& view, ThreadPool& pool);

}  // namespace pliant::reference
