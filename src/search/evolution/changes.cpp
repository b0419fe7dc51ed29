#include "search/evolution/changes.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Choices;
using elasticvit::Inner;
using elasticvit::Space;

namespace {

template <typename T>
const T& any_of(const std::vector<T>& values, Rng& rng) {
  return values[static_cast<std::size_t>(rng.below(std::ssize(values)))];
}

}  // namespace

bool is_legal(const Architecture& architecture) {
  for (std::size_t i = 1; i < architecture.stages.size(); ++i)
    if (architecture.stages[i].width < architecture.stages[i - 1].width) return false;
  return true;
}

std::vector<Architecture> neighbours(const Space& space, const Architecture& architecture) {
  std::vector<Architecture> result;
  const auto add = [&](auto&& change) {
    Architecture other = architecture;
    change(other);
    if (other != architecture && is_legal(other)) result.push_back(std::move(other));
  };
  for (const std::int64_t each : space.resolutions)
    add([&](Architecture& other) { other.resolution = each; });
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    for (const std::int64_t each : space.stages[i].widths)
      add([&](Architecture& other) { other.stages[i].width = each; });
    for (const std::int64_t each : space.stages[i].depths)
      add([&](Architecture& other) { other.stages[i].depth = each; });
    for (const Inner& each : inner_choices(space.stages[i]))
      add([&](Architecture& other) { other.stages[i].inner = each; });
  }
  return result;
}

Architecture mutated(const Space& space, const Architecture& parent, const MutationOptions& options,
                     Rng& rng) {
  Architecture child = parent;
  if (rng.uniform() < options.field) child.resolution = any_of(space.resolutions, rng);
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    if (rng.uniform() < options.field) child.stages[i].width = any_of(space.stages[i].widths, rng);
    if (rng.uniform() < options.depth) child.stages[i].depth = any_of(space.stages[i].depths, rng);
    if (rng.uniform() < options.field)
      child.stages[i].inner = any_of(inner_choices(space.stages[i]), rng);
  }
  return child;
}

Architecture crossed(const Architecture& one, const Architecture& other, Rng& rng) {
  const auto heads = [&] { return rng.below(2) == 0; };
  Architecture child = one;
  if (heads()) child.resolution = other.resolution;
  for (std::size_t i = 0; i < child.stages.size(); ++i) {
    if (heads()) child.stages[i].width = other.stages[i].width;
    if (heads()) child.stages[i].depth = other.stages[i].depth;
    if (heads()) child.stages[i].inner = other.stages[i].inner;
  }
  return child;
}

}  // namespace pliant::search
