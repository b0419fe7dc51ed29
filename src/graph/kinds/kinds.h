// The operator kinds. Core kinds have a reference evaluation and one case per machine; composite
// kinds decompose into core kinds. Axes are non-negative and in range in a Graph that exists.
// Shapes of operands and results: shapes/rules.h. Where operands are of several sorts, the kind
// names them: Operand says where each stands in Op::in, Result in Op::out.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "graph/kinds/expr.h"

namespace pliant::kind {

using Sizes = std::vector<std::int64_t>;
using Axes = std::vector<int>;

// Core
// ------------------------------------------------------------------------------------------------------------

// Sum over every label that is not in `out` of the product of the operands. Labels are letters, one
// per axis; all axes with one label have one size (no broadcasting here: the builder removes size-1
// axes). A label repeated in one operand is its diagonal; the labels of `out` are distinct and each
// stands in some operand.
struct Einsum {
  std::vector<std::string> in;
  std::string out;
  bool operator==(const Einsum&) const = default;
};

// Pointwise, operands broadcast (numpy). The oracle computes in f64, machines in f32; when every
// operand and the result are integers or bool it computes in i64. Conversion to an integer result
// rounds to even and saturates.
struct Map {
  Expr expr;
  DType dtype = DType::f32;
  bool operator==(const Map&) const = default;
};

// argmax: one axis, first, i32
enum class ReduceFn : std::uint8_t { sum, mean, max, min, product, logsumexp, argmax };
struct Reduce {
  ReduceFn fn = ReduceFn::sum;
  Axes axes;  // sorted, distinct
  bool keep = false;
  bool operator==(const Reduce&) const = default;
};

// operands x, index (i32 or i64); the first batch_axes axes of both are paired. result:
// x.shape[:axis] + index.shape[batch_axes:] + x.shape[axis+1:]. An index out of range is an Error
// at run time.
struct Gather {
  enum Operand : std::size_t { x, index };
  int axis = 0;
  int batch_axes = 0;
  bool operator==(const Gather&) const = default;
};

struct Reshape {
  Shape shape;
  bool operator==(const Reshape&) const = default;
};

struct Slice {  // per axis: element start + i * step for i < size; step may be negative, never 0
  Sizes start, size, step;
  bool operator==(const Slice&) const = default;
};

struct Concat {
  int axis = 0;
  bool operator==(const Concat&) const = default;
};

enum class PadMode : std::uint8_t { constant, edge, reflect };
// per axis: low before, high after (negative crops), interior between neighbours (constant mode
// only)
struct Pad {
  Sizes low, high, interior;
  PadMode mode = PadMode::constant;
  double value = 0;
  bool operator==(const Pad&) const = default;
};

// A view: each axis of `axes` becomes the count of window positions, and one axis per window is
// appended, in order.
struct Window {
  Axes axes;
  Sizes size, stride, dilation;
  bool operator==(const Window&) const = default;
};

struct Opaque {  // a foreign operator with known result types: planned and hashed, never evaluated
  std::string domain, type, text;
  std::vector<TensorType> results;
  bool operator==(const Opaque&) const = default;
};

// Composite
// -------------------------------------------------------------------------------------------------------

struct Softmax {
  int axis = 0;
  bool operator==(const Softmax&) const = default;
};

// y = (x - mean) / sqrt(var + eps) over `axes`; centre = false: y = x / sqrt(mean(x^2) + eps). No
// affine (that is a Map). One result y, or three: y, mean, biased variance (the axes kept as size
// 1; mean is 0 without centring).
struct Normalize {
  enum Operand : std::size_t { x };
  enum Result : std::size_t { y, mean, variance };
  Axes axes;
  double eps = 1e-5;
  bool centre = true;
  bool operator==(const Normalize&) const = default;
};

// Rotary embedding. operands x [R,H,D], pos i32 [R], then optionally factors f32 [dims/2]; the
// first `dims` of D are rotated: halves pairs (i, i + dims/2), pairs (2i, 2i+1). angle_i = pos *
// base^(-2i/dims) * scaling, divided by factors[i] if given (Llama 3, LongRoPE).
enum class RotaryStyle : std::uint8_t { halves, pairs };
struct Rotary {
  enum Operand : std::size_t { x, pos, factors };  // factors: if there are three
  std::int64_t dims = 0;
  double base = 10000, scaling = 1;
  RotaryStyle style = RotaryStyle::halves;
  bool operator==(const Rotary&) const = default;
};

// operands q [R,Hq,D], k [R,Hk,D], v [R,Hk,Dv], seq i32 [R], pos i32 [R], tag i32 [R], then bias
// f32 [Hq,P,P] if has_bias (indexed by pos of query and key), then tree bool [R,R] if has_tree
// (and-ed in). Result [R,Hq,Dv]. Row i sees row j when seq is equal and not negative, pos_j <=
// pos_i if causal, pos_i - pos_j < window if window > 0. A row that sees nothing yields zeros.
// cache >= 0: the cache layer bound to the run (at most one Attention per layer). cap > 0: a score
// s becomes cap * tanh(s / cap), before bias and mask (Gemma 2).
struct Attention {
  enum Operand : std::size_t { q, k, v, seq, pos, tag };
  double scale = 1;
  bool causal = true;
  std::int64_t window = 0;
  int cache = -1;
  bool has_bias = false, has_tree = false;
  double cap = 0;
  // Where the optional operands stand, if there are any; and how many operands there are in all.
  std::optional<std::size_t> bias() const {
    return has_bias ? std::optional(tag + std::size_t{1}) : std::nullopt;
  }
  std::optional<std::size_t> tree() const {
    return has_tree ? std::optional(operands() - 1) : std::nullopt;
  }
  std::size_t operands() const {
    return tag + std::size_t{1} + (has_bias ? 1 : 0) + (has_tree ? 1 : 0);
  }
  bool operator==(const Attention&) const = default;
};

// operands x [N,C,spatial...], w [O,C/groups,kernel...] (transposed: [C,O/groups,kernel...]).
// Cross-correlation as in every framework. Transposed output size: (in-1)*stride - low - high +
// dilation*(kernel-1) + 1. Bias is a Map.
struct Convolve {
  enum Operand : std::size_t { x, w };
  Sizes stride, low, high, dilation;  // per spatial axis
  std::int64_t groups = 1;
  bool transposed = false;
  bool operator==(const Convolve&) const = default;
};

// operand x [N,C,spatial...]. divisor of the mean: all positions of the window, or the valid
// (unpadded) ones.
enum class PoolFn : std::uint8_t { max, mean };
struct Pool {
  enum Operand : std::size_t { x };
  PoolFn fn = PoolFn::max;
  Sizes size, stride, low, high, dilation;  // per spatial axis
  bool divide_by_valid = false;
  bool operator==(const Pool&) const = default;
};

// operands hidden [R,D], table [V,D], target i32 [R] (< 0 is ignored: 0). Results nll [R],
// logsumexp [R].
struct CrossEntropy {
  enum Operand : std::size_t { hidden, table, target };
  enum Result : std::size_t { nll, logsumexp };
  bool operator==(const CrossEntropy&) const = default;
};

}  // namespace pliant::kind

namespace pliant {

using Kind = std::variant<kind::Einsum, kind::Map, kind::Reduce, kind::Gather, kind::Reshape,
                          kind::Slice, kind::Concat, kind::Pad, kind::Window, kind::Opaque,
                          kind::Softmax, kind::Normalize, kind::Rotary, kind::Attention,
                          kind::Convolve, kind::Pool, kind::CrossEntropy>;

template <typename T>
concept Composite = std::same_as<T, kind::Softmax> || std::same_as<T, kind::Normalize> ||
    std::same_as<T, kind::Rotary> || std::same_as<T, kind::Attention> ||
    std::same_as<T, kind::Convolve> || std::same_as<T, kind::Pool> ||
    std::same_as<T, kind::CrossEntropy>;

std::string_view name(const Kind& kind);  // "einsum", "map", ...
bool is_composite(const Kind& kind);

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not deduce it

}  // namespace pliant
