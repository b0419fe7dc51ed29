// Graphs of subnets. Their weights are the supernet's whole tensors, sliced by operators that fold,
// so that one store serves all subnets and every machine runs the same graph.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/builder.h"
#include "models/elasticvit/architecture.h"

namespace pliant::elasticvit {

// What batch normalisations normalise by: the stored running statistics, which are weights, or
// those of the batch, where running statistics are carries, whole tensors whose leading entries
// are renewed:
//   momentum: (1 - momentum) * old + momentum * batch, by the unbiased variance, as in training;
//   cumulative: the mean over all batches since the carry `batches`, f32 [], was 0: re-estimation.
enum class Statistics : std::uint8_t { stored, momentum, cumulative };

struct SubnetOptions {
  std::int64_t batch = 1;
  std::int64_t image_side = 0;  // resized bicubically where it is another; 0: the subnet's own
  Statistics statistics = Statistics::stored;
  double momentum = 0.1;
};

// image f32 [batch, 3, side, side] -> logits f32 [batch, classes]; values on the way bear the
// names of the stages ("C0", f32 [batch, width, side, side]) and of the layers' tensors. Throws as
// check(), and Error{invalid} where a batch is too small for statistics.
Graph subnet_graph(const Space& space, const Architecture& architecture,
                   const SubnetOptions& options = {});

// image and label, i32 [batch] -> loss, f32 [], the mean cross-entropy; logits; and the carries.
Graph loss_graph(const Space& space, const Architecture& architecture,
                 const SubnetOptions& options);

// What soft targets are compared by: cross-entropy, or the larger of two alpha-divergences
// (graph/losses.h).
enum class Objective : std::uint8_t { cross_entropy, alpha_divergence };

// image and target, f32 [batch, classes], each row a distribution: smoothed or mixed labels, or
// what a teacher says -> loss, f32 [], the mean over the batch; logits; and the carries.
Graph soft_loss_graph(const Space& space, const Architecture& architecture,
                      const SubnetOptions& options, Objective objective);

// For losses of another kind: the subnet alone, in a graph being built. The carries are to be told
// to the builder (Builder::carry) after the outputs that shall come before them.
struct Subnet {
  ValueId logits = ValueId::none;
  std::vector<Carry> statistics;
};
Subnet add_subnet(Builder& b, ValueId image, const Space& space, const Architecture& architecture,
                  const SubnetOptions& options);

}  // namespace pliant::elasticvit
