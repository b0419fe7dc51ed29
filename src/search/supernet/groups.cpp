#include "search/supernet/groups.h"

#include "models/elasticvit/tensors.h"

namespace pliant::search {
namespace {

// Weights of convolutional parts have four axes, and so has the values' convolution in attention.
bool decays(const std::string& name, const Shape& shape) {
  if (shape.size() == 2) return !name.ends_with("attention_bias");
  return name.ends_with("dw_v_conv.weight");
}

}  // namespace

std::vector<aten::Group> supernet_groups(const elasticvit::Space& space, const aten::Group& like) {
  aten::Group decaying = like, plain = like;
  plain.decay = 0;
  for (const auto& [name, tensor] : supernet_tensors(space))
    if (!tensor.statistic)
      (decays(name, tensor.shape) ? decaying : plain).parameters.push_back({name, {}});
  return {std::move(decaying), std::move(plain)};
}

}  // namespace pliant::search
