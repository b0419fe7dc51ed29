#include "machine/native/ops/shared_weights.h"

#include <cstring>
#include <set>

namespace pliant::native {

PlainWeight SharedWeights::plain(const Stored& stored) {
  const auto address = reinterpret_cast<std::uintptr_t>(stored.bytes.data());
  const bool aligned = address % static_cast<std::uintptr_t>(size_of(stored.type.dtype)) == 0;
  if (stored.encoding == Encoding::plain && aligned) return {stored.bytes.data(), nullptr};
  std::shared_ptr<const Tensor> copy = decoded(stored);
  return {copy->view().data, copy};
}

std::shared_ptr<const Tensor> SharedWeights::decoded(const Stored& stored) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = decoded_.equal_range(stored.bytes.data());
  for (auto at = first; at != last; ++at)
    if (at->second.type == stored.type && at->second.encoding == stored.encoding)
      if (auto copy = at->second.copy.lock()) return copy;
  auto copy = std::make_shared<const Tensor>(decode(stored));
  std::erase_if(decoded_, [](const auto& each) { return each.second.copy.expired(); });
  decoded_.emplace(stored.bytes.data(), Decoded{stored.type, stored.encoding, copy});
  return copy;
}

WeightStore SharedWeights::join(const WeightStore& folded, const WeightStore& original) {
  const std::lock_guard lock(mutex_);
  std::set<std::shared_ptr<const void>> owned;
  original.for_each(
      [&](const std::string& name, const Stored&) { owned.insert(original.owner(name)); });
  std::erase_if(folded_, [](const auto& each) { return each.second.owner.expired(); });
  WeightStore result;
  folded.for_each([&](const std::string& name, const Stored& stored) {
    std::shared_ptr<const void> owner = folded.owner(name);
    if (owned.contains(owner)) return result.add(name, stored, owner);
    const auto [first, last] = folded_.equal_range(name);
    for (auto at = first; at != last; ++at) {
      const Stored& other = at->second.stored;
      if (other.type != stored.type || other.encoding != stored.encoding ||
          other.bytes.size() != stored.bytes.size())
        continue;
      auto kept = at->second.owner.lock();
      if (kept && std::memcmp(other.bytes.data(), stored.bytes.data(), stored.bytes.size()) == 0)
        return result.add(name, other, std::move(kept));
    }
    folded_.emplace(name, Folded{stored, owner});
    result.add(name, stored, owner);
  });
  return result;
}

std::shared_ptr<const Tensor> SharedWeights::packed(const std::byte* weights,
                                                    const std::string& layout,
                                                    const std::function<Tensor()>& make) {
  const std::lock_guard lock(mutex_);
  std::erase_if(packed_, [](const auto& each) { return each.second.copy.expired(); });
  const auto [first, last] = packed_.equal_range(weights);
  for (auto at = first; at != last; ++at)
    if (auto copy = at->second.layout == layout ? at->second.copy.lock() : nullptr) return copy;
  auto copy = std::make_shared<const Tensor>(make());
  packed_.emplace(weights, Packed{layout, copy});
  return copy;
}

std::int64_t SharedWeights::bytes() const {
  const std::lock_guard lock(mutex_);
  std::int64_t total = 0;
  for (const auto& [data, each] : decoded_)
    if (const auto copy = each.copy.lock()) total += pliant::bytes(copy->type());
  for (const auto& [data, each] : packed_)
    if (const auto copy = each.copy.lock()) total += pliant::bytes(copy->type());
  for (const auto& [name, each] : folded_)
    if (!each.owner.expired()) total += std::ssize(each.stored.bytes);
  return total;
}

}  // namespace pliant::native
