// The operators that have a forward and a backward pass of their own, for tensors on the CPU. Each
// equals a chain of kinds; fuse.h says which.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "graph/kinds/kinds.h"
#include "machine/torch/fused/node.h"

namespace pliant::aten {

// How a result is held: bf16 if only products in bf16 read it.
struct NormOptions {
  double eps = 0;
  bool half = false;
};
// x [..., width] f32, then delta of x's shape if has_delta, then a weight [width] if has_weight.
// Results: sum, if there is a delta, and y.
Tensors fused_norm(const Tensors& in, bool has_delta, bool has_weight, const NormOptions& options);

struct HeadsOptions {
  bool normed = false, weighted = false;
  double eps = 0;
  std::int64_t turned = 0;
  bool pairs = false;
};
// x [R,H,D], rows at any distance; then a weight [D] if weighted; cosine and sine f32 [R, turned/2]
// if turned. Result f32 [R,H,D].
at::Tensor fused_heads(const Tensors& in, const HeadsOptions& options);

// silu(gate) * up, both [R, width], rows at any distance.
at::Tensor fused_gated(const at::Tensor& gate, const at::Tensor& up, bool half);

// x [..., in] times each weight [out, in], `halves` their copies in bf16 or undefined. With
// `rows`, the weight is one and result i is made of its rows [first, first + count).
struct RowRange {
  std::int64_t first = 0, count = 0;
};
Tensors fused_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& half_weight,
                     const std::vector<RowRange>& rows, bool half);

// Attention of sequences that lie one behind the other with ascending positions; nothing if they do
// not. Needs neither bias nor tree. q, k, v f32.
std::optional<at::Tensor> fused_attention(const kind::Attention& kind, const Tensors& in);

// CrossEntropy. `half_table`: the table in bf16, or undefined.
Tensors fused_loss(const Tensors& in, const at::Tensor& half_table, bool half);

// Rows of a table [V, width]; index i64, flat, checked.
at::Tensor fused_rows(const at::Tensor& table, const at::Tensor& index);

// A leaf that collects its gradient in place, where a backward pass may add to it at once.
bool collects(const at::Tensor& tensor);
// gradient += a^T b, a [n, rows] and b [n, columns], for the weight: into its gradient if it
// collects (the result is then undefined), else as the result.
at::Tensor weight_gradient(const at::Tensor& weight, const at::Tensor& a, const at::Tensor& b,
                           std::int64_t first_row);

}  // namespace pliant::aten
