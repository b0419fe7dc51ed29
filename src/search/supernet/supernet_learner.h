// A supernet that learns: the subnets of a step add into the same gradients; running statistics
// belong to the supernet.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "machine/torch/learner.h"
#include "models/elasticvit/subnet.h"
#include "search/samplers/step_sampler.h"

namespace pliant::search {

struct TeachingOptions {
  double temperature = 1;  // of the largest subnet as a teacher
  // how the smallest subnet is compared with the others
  elasticvit::Objective smallest = elasticvit::Objective::alpha_divergence;
  double momentum = 0.1;  // of running statistics
};

struct ImageBatch {
  TensorView images;   // f32 [batch, 3, side, side]; resized inside to what a subnet takes
  TensorView targets;  // f32 [batch, classes], distributions: of labels, or of a teacher
};

class SupernetLearner {
 public:
  // `supernet`: all of supernet_tensors(). Throws Error{not_found} for a tensor that it lacks,
  // Error{invalid} for one of another shape, and as Learner().
  SupernetLearner(elasticvit::Space space, const aten::Options& options,
                  const WeightStore& supernet, const aten::Group& like,
                  const TeachingOptions& teaching = {});

  // Adds the gradients of the sum of the subnets' losses and renews running statistics, subnet by
  // subnet. The largest learns from the targets; random ones from the largest, or from the targets
  // where there is none; the smallest one from the mean of what the random ones say, or, without
  // any, from what they would learn from. Gives the losses in the order of the subnets.
  std::vector<double> accumulate(std::span<const Drawn> step, const ImageBatch& batch);

  // Minus the cross-entropies, with the statistics of the batch; nothing is changed.
  std::vector<double> scores(std::span<const elasticvit::Architecture> subnets,
                             const ImageBatch& batch) const;

  using Statistics = std::map<std::string, Tensor, std::less<>>;
  aten::Learner& learner() { return learner_; }
  const Statistics& statistics() const { return statistics_; }
  // All of supernet_tensors() as they are, or with the running average of the parameters.
  WeightStore weights(bool averaged = false) const;

  // What further steps depend on: the learner's state and "statistic.NAME". restore() throws
  // Error{invalid} or {not_found} for another supernet's; all is then as before.
  WeightStore state() const;
  void restore(const WeightStore& state);

 private:
  elasticvit::SubnetOptions options_for(const ImageBatch& batch) const;

  elasticvit::Space space_;
  TeachingOptions teaching_;
  Statistics statistics_;
  aten::Learner learner_;
};

}  // namespace pliant::search
