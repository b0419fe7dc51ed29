#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/rng.h"
#include "machine/scratchpad/execute.h"

namespace pliant::scratchpad {

HashOperators::HashOperators(const plan::Problem& problem, std::uint64_t key)
    : problem_(problem), key_(key) {}

void HashOperators::run(plan::OperatorId op, std::span<const std::span<std::byte>> inputs,
                        std::span<const std::span<std::byte>> outputs,
                        std::span<std::byte> workspace) {
  std::uint64_t state = hash64(problem_.operators[op].name, key_);
  for (const auto input : inputs)
    state = hash64({reinterpret_cast<const char*>(input.data()), input.size()}, state);
  // a workspace that overlaps a tensor must show
  std::ranges::fill(workspace, static_cast<std::byte>(state));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Rng stream(state, i);
    for (std::size_t at = 0; at < outputs[i].size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t bits = stream.bits();
      std::memcpy(outputs[i].data() + at, &bits, std::min(sizeof bits, outputs[i].size() - at));
    }
  }
}

Contents random_contents(const plan::Problem& problem, std::uint64_t seed) {
  Contents contents(problem.tensors.size());
  for (std::size_t t = 0; t < contents.size(); ++t) {
    const plan::TensorInfo& tensor = problem.tensors[t];
    if (tensor.role != plan::Role::input && tensor.role != plan::Role::weight) continue;
    contents[t].resize(tensor.bytes);
    Rng rng(seed, t);
    for (std::byte& byte : contents[t]) byte = static_cast<std::byte>(rng.bits());
  }
  return contents;
}

}  // namespace pliant::scratchpad
