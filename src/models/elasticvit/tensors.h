// The tensors of the supernet, from which every subnet takes leading rows, columns, layers and the
// middles of kernels. Names and shapes are those of the published one.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/tensor.h"
#include "models/elasticvit/space.h"

namespace pliant::elasticvit {

struct SupernetTensor {
  Shape shape;  // f32
  // a running mean or variance of a batch normalisation: no parameter
  bool statistic = false;
};

using SupernetTensors = std::map<std::string, SupernetTensor, std::less<>>;

// Also tensors that no subnet reads, such as shortcuts of blocks that keep their width: published
// checkpoints have them.
SupernetTensors supernet_tensors(const Space& space);

// Where layer `layer` of a stage keeps its tensors: "conv_stem.layers.0.0" or
// "feature_exactor.2.layers.1"; of a transformer stage, attentions and FFNs take turns.
std::string layer_name(const Space& space, std::size_t stage, std::int64_t layer);

}  // namespace pliant::elasticvit
