// Values of a graph as tensors of libtorch, and back. An unsigned type that libtorch lacks is held
// as the bits of the signed type of its size. A float value may be held in bf16 where the machine
// computes products so; what it is in the graph does not change.
#pragma once

#include "core/tensor.h"
#include "machine/torch/kinds/ops.h"

namespace pliant::aten {

at::ScalarType held_type(DType dtype);

// Shares the view's memory, which must outlive the tensor.
at::Tensor shared(const TensorView& view);
at::Tensor copied(const TensorView& view, const at::Device& device);
// Copies the tensor's elements to the view, of the same shape.
void write(const at::Tensor& tensor, const TensorView& view);

// What is computed with: f64 for f64, else f32. `dtype` is what `held` is in the graph.
at::Tensor real(const at::Tensor& held, DType dtype);
// The way back: integers are rounded to even and saturate, NaN becomes 0; bool is what differs
// from 0.
at::Tensor held(const at::Tensor& real, DType dtype);

}  // namespace pliant::aten
