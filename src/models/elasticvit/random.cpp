#include "models/elasticvit/random.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "core/rng.h"
#include "models/elasticvit/tensors.h"

namespace pliant::elasticvit {
namespace {

// Scales of the norms that begin with 0.
std::set<std::string> silent_norms(const Space& space) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    const StageSpace& stage = space.stages[i];
    const bool mobile = stage.kind == StageKind::mobile;
    const std::int64_t blocks = mobile ? stage.depths.back() : 1;
    for (std::int64_t layer = stage.stride == 1 ? 0 : 1; layer < blocks; ++layer)
      names.insert(layer_name(space, i, layer) + (mobile ? "" : ".reduction") + ".pwl_bn.weight");
  }
  return names;
}

double deviation(const std::string& name, const Shape& shape) {
  if (shape.size() == 2) return 0.02;
  const auto inputs = static_cast<double>(shape[1] * shape[2] * shape[3]);
  const bool bare = name.ends_with("shortcut_conv.weight") || name.ends_with("dw_v_conv.weight");
  return std::sqrt((bare ? 1 : 2) / inputs);
}

Tensor initial(const std::string& name, const Shape& shape, std::uint64_t seed, bool silent) {
  Tensor values({DType::f32, shape});
  if (shape.size() > 1) {
    Rng rng(seed, hash64(name));
    fill_normal(values.view(), rng, deviation(name, shape));
  } else {
    const bool zero = silent || name.ends_with(".bias") || name.ends_with(".running_mean");
    std::ranges::fill(values.span<float>(), zero ? 0.0F : 1.0F);
  }
  return values;
}

}  // namespace

WeightStore initial_supernet(const Space& space, std::uint64_t seed) {
  check(space, "supernet to train");
  const std::set<std::string> silent = silent_norms(space);
  WeightStore store;
  for (const auto& [name, tensor] : supernet_tensors(space))
    store.add(name, initial(name, tensor.shape, seed, silent.contains(name)));
  return store;
}

}  // namespace pliant::elasticvit
