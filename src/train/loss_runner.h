// The loss graph of one pass, fed with batches.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/shards/batches.h"
#include "machine/torch/learner.h"

namespace pliant::train {

struct Losses {  // sums over the rows with a target, in nats
  double loss = 0, nll = 0;
  double divergence = 0;  // from the teacher; 0 without one
  Losses& operator+=(const Losses& other) {
    loss += other.loss;
    nll += other.nll;
    divergence += other.divergence;
    return *this;
  }
};

// `graph`: a loss_graph() or distill_graph(). Both must outlive it, and neither may be used by
// another thread meanwhile.
class LossRunner {
 public:
  LossRunner(aten::Learner& learner, std::shared_ptr<const Graph> graph);
  // Adds weight times the gradient of the sum to the learner's gradients.
  Losses accumulate(const data::Batch& batch, double weight);
  Losses evaluate(const data::Batch& batch, bool averaged);
  std::shared_ptr<const Graph> graph() const { return graph_; }

 private:
  std::span<const TensorView> inputs(const data::Batch& batch);
  Losses losses() const;

  aten::Learner& learner_;
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<aten::Pass> pass_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<Tensor> results_;
};

}  // namespace pliant::train
