#include "machine/torch/fused/node.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <utility>

namespace pliant::aten {
namespace {

class OwnNode : public torch::autograd::Node {
 public:
  explicit OwnNode(std::unique_ptr<Differentiable> what) : what_(std::move(what)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    std::vector<bool> wanted;
    for (std::size_t i = 0; i < num_outputs(); ++i) wanted.push_back(should_compute_output(i));
    const at::NoGradGuard no_record;
    Tensors result = what_->backward(gradients, wanted);
    what_.reset();
    return result;
  }
  void release_variables() override { what_.reset(); }

 private:
  std::unique_ptr<Differentiable> what_;
};

bool any_gradient(const Tensors& in) {
  if (!at::GradMode::is_enabled()) return false;
  for (const at::Tensor& each : in)
    if (each.defined() && each.requires_grad()) return true;
  return false;
}

class Recomputed : public Differentiable {
 public:
  explicit Recomputed(std::function<Tensors(const Tensors&)> work) : work_(std::move(work)) {}
  Tensors forward(const Tensors& in) override {
    in_ = in;
    return work_(in);
  }
  Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) override {
    const at::AutoGradMode record(true);
    Tensors in, by;
    for (std::size_t i = 0; i < in_.size(); ++i) {
      // a leaf that collects its gradient itself stays what it is
      if (wanted[i] && !(in_[i].is_leaf() && in_[i].requires_grad()))
        in.push_back(in_[i].detach().requires_grad_());
      else in.push_back(in_[i]);
      if (wanted[i]) by.push_back(in.back());
    }
    const Tensors found = differentiated(work_(in), gradients, by);
    Tensors result(in_.size());
    for (std::size_t i = 0, k = 0; i < in_.size(); ++i)
      if (wanted[i]) result[i] = found[k++];
    return result;
  }

 private:
  std::function<Tensors(const Tensors&)> work_;
  Tensors in_;
};

}  // namespace

Tensors with_backward(std::unique_ptr<Differentiable> what, const Tensors& in) {
  const bool recorded = any_gradient(in);
  Tensors out;
  {
    const at::NoGradGuard no_record;
    out = what->forward(in);
  }
  if (!recorded) return out;
  const std::shared_ptr<OwnNode> node(new OwnNode(std::move(what)), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(in));
  for (at::Tensor& each : out)
    if (each.is_floating_point()) torch::autograd::create_gradient_edge(each, node);
    else node->add_input_metadata(torch::autograd::Node::undefined_input());
  return out;
}

Tensors recomputed(std::function<Tensors(const Tensors& in)> work, const Tensors& in) {
  return with_backward(std::make_unique<Recomputed>(std::move(work)), in);
}

Tensors differentiated(const Tensors& out, const Tensors& gradients, const Tensors& in) {
  Tensors roots, starts;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!gradients[i].defined() || !out[i].requires_grad()) continue;
    roots.push_back(out[i]);
    starts.push_back(gradients[i]);
  }
  if (roots.empty()) return Tensors(in.size());
  return torch::autograd::grad(roots, in, starts, /*retain_graph=*/c10::nullopt,
                               /*create_graph=*/false, /*allow_unused=*/true);
}

void add_gradients(const at::Tensor& loss, double weight) {
  torch::autograd::backward({loss}, {at::full_like(loss, weight)});
}

}  // namespace pliant::aten
