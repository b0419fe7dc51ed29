#include "train/loss_runner.h"

#include "core/error.h"

namespace pliant::train {
namespace {

const Tensor& input(const data::Batch& batch, std::string_view name) {
  if (name == "ids") return batch.ids;
  if (name == "seq") return batch.seq;
  if (name == "pos") return batch.pos;
  if (name == "tag") return batch.tag;
  if (name == "target") return batch.targets;
  throw Error(ErrorKind::internal, "loss", "no batch has the input '" + std::string(name) + "'");
}

}  // namespace

LossRunner::LossRunner(aten::Learner& learner, std::shared_ptr<const Graph> graph)
    : learner_(learner), graph_(std::move(graph)), pass_(learner.prepare(graph_)) {
  for (const ValueId id : graph_->outputs()) {
    results_.emplace_back(graph_->value(id).type);
    outputs_.push_back(results_.back().view());
  }
}

std::span<const TensorView> LossRunner::inputs(const data::Batch& batch) {
  inputs_.clear();
  for (const ValueId id : graph_->inputs())
    inputs_.push_back(input(batch, graph_->value(id).name).view());
  return inputs_;
}

Losses LossRunner::losses() const {
  enum Output : std::size_t { loss, nll, z, divergence };
  return {get(outputs_[loss], 0), get(outputs_[nll], 0),
          outputs_.size() > divergence ? get(outputs_[divergence], 0) : 0};
}

Losses LossRunner::accumulate(const data::Batch& batch, double weight) {
  learner_.accumulate(*pass_, inputs(batch), outputs_, weight);
  return losses();
}

Losses LossRunner::evaluate(const data::Batch& batch, bool averaged) {
  learner_.evaluate(*pass_, inputs(batch), outputs_, averaged);
  return losses();
}

}  // namespace pliant::train
