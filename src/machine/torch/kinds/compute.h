// One operator on libtorch, as it stands in the graph: differentiable wherever its kind is.
#pragma once

#include <string>

#include "graph/graph.h"
#include "machine/torch/kinds/ops.h"

namespace pliant::aten {

struct Call {
  const Graph& graph;
  const Op& op;
  const Tensors& in;
  std::int64_t rows = 0;  // of this run
  bool half = false;      // products in bf16

  DType dtype(std::size_t operand) const { return graph.value(op.in[operand]).type.dtype; }
  TensorType result(std::size_t i = 0) const;  // with the rows of this run
  at::Tensor real(std::size_t operand) const;
  // An operand of a product: f32 or f64, or bf16 if products are.
  at::Tensor factor(std::size_t operand) const;
  at::Tensor held(const at::Tensor& real, std::size_t i = 0) const;
};

// The results. Throws Error{invalid} naming the operator for an index out of range.
Tensors compute(const Call& call);

Tensors compute(const kind::Einsum& kind, const Call& call);
Tensors compute(const kind::Map& kind, const Call& call);
Tensors compute(const kind::Reduce& kind, const Call& call);
Tensors compute(const kind::Gather& kind, const Call& call);
Tensors compute(const kind::Reshape& kind, const Call& call);
Tensors compute(const kind::Slice& kind, const Call& call);
Tensors compute(const kind::Concat& kind, const Call& call);
Tensors compute(const kind::Pad& kind, const Call& call);
Tensors compute(const kind::Window& kind, const Call& call);
Tensors compute(const kind::Softmax& kind, const Call& call);
Tensors compute(const kind::Normalize& kind, const Call& call);
Tensors compute(const kind::Rotary& kind, const Call& call);
Tensors compute(const kind::Attention& kind, const Call& call);
Tensors compute(const kind::Convolve& kind, const Call& call);
Tensors compute(const kind::Pool& kind, const Call& call);
Tensors compute(const kind::CrossEntropy& kind, const Call& call);

// x with zeros (or `value`) around it: low, then high, per axis; negative ones crop.
at::Tensor padded(const at::Tensor& x, const kind::Sizes& low, const kind::Sizes& high,
                  double value);

// cos and sin of the angles, f32 [R, dims/2].
std::pair<at::Tensor, at::Tensor> turns(const kind::Rotary& kind, const Call& call);
void check_targets(const kind::CrossEntropy& kind, const Call& call);
void check_index(const at::Tensor& index, std::int64_t size, const Call& call);

}  // namespace pliant::aten
