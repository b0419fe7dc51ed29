// Own operators in libtorch's automatic differentiation.
#pragma once

#include <functional>
#include <memory>

#include "machine/torch/kinds/ops.h"

namespace pliant::aten {

// An operator with its own backward pass. One object per use: forward() keeps what backward()
// needs.
class Differentiable {
 public:
  virtual ~Differentiable() = default;
  // Runs without a record.
  virtual Tensors forward(const Tensors& in) = 0;
  // From the gradients of the results (undefined: zero) those of the operands (undefined: none).
  // `wanted`: which operands have any use for one. Called once.
  virtual Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) = 0;
};

Tensors with_backward(std::unique_ptr<Differentiable> what, const Tensors& in);

// work(in), of which nothing is kept but the operands: the backward pass runs it again.
Tensors recomputed(std::function<Tensors(const Tensors& in)> work, const Tensors& in);

// Gradients of sum over i of <out[i], gradients[i]> by `in`; undefined where there is none.
Tensors differentiated(const Tensors& out, const Tensors& gradients, const Tensors& in);

// Adds weight * d(loss) / d(leaf) to the gradient of every leaf behind the loss.
void add_gradients(const at::Tensor& loss, double weight);

}  // namespace pliant::aten
