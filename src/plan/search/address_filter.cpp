#include "plan/search/address_filter.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace pliant::plan {
namespace {

// What turning one tensor's place into another's costs at most; -1 when one may not stand for the
// other.
std::int64_t change_price(std::int32_t a, std::int32_t b, std::int64_t load, std::int64_t store) {
  // an absent tensor's way back is paid for, and free to go anywhere
  if (a == b || a == absent) return 0;
  const Mark mine = mark_of(a);
  const bool same_place = b != absent && address_of(a) == address_of(b);
  if (mine == Mark::clean) return same_place ? 0 : load;
  if (mine == Mark::dirty) return same_place && !has_copy(mark_of(b)) ? 0 : store + load;
  return -1;  // fresh: it cannot leave for the next step
}

// Keeps the states that no other one can be turned into at no loss. Most differ in addresses alone,
// so those that cost too much the same for any change of place are looked up by their addresses;
// only much cheaper ones are tried in turn.
class AddressFilter {
 public:
  AddressFilter(const AddressSetting& setting, const AddressGroup& group)
      : setting_(setting), group_(group), width_(group.downset.live.size()) {}

  std::vector<std::uint32_t> keep() {
    std::vector<std::uint32_t> order(group_.states()), kept;
    std::iota(order.begin(), order.end(), 0u);
    if (!sort(order)) return kept;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (compared_ >= 4096) {
        setting_.budget->spend(std::exchange(compared_, 0));
        if (setting_.interrupted()) break;  // all is thrown away then
      }
      if (i > 0 && same(order[i - 1], order[i])) continue;
      if (beaten(order[i])) continue;
      insert(order[i]);
      kept.push_back(order[i]);
    }
    setting_.budget->spend(compared_);
    return kept;
  }

 private:
  struct Bucket {                       // kept states in which the same tensors are on chip
    std::vector<std::uint32_t> states;  // ascending cost
    std::unordered_multimap<std::uint64_t, std::uint32_t> by_address;
    std::int64_t cheapest_change = INT64_MAX;  // of one of these tensors
  };

  // By merging, so that a limit is noticed in between; false when one came.
  bool sort(std::vector<std::uint32_t>& order) const {
    const auto less = [&](std::uint32_t a, std::uint32_t b) { return before(a, b); };
    constexpr std::size_t block = 4096;
    const auto at = [&](std::size_t i) { return order.begin() + (std::min(i, order.size())); };
    for (std::size_t from = 0; from < order.size(); from += block) {
      std::sort(at(from), at(from + block), less);
      if (setting_.interrupted()) return false;
    }
    for (std::size_t run = block; run < order.size(); run *= 2)
      for (std::size_t from = 0; from + run < order.size(); from += 2 * run) {
        std::inplace_merge(at(from), at(from + run), at(from + 2 * run), less);
        if (setting_.interrupted()) return false;
      }
    return true;
  }

  bool same(std::uint32_t a, std::uint32_t b) const {
    return std::equal(group_.state(a), group_.state(a) + width_, group_.state(b));
  }
  bool before(std::uint32_t a, std::uint32_t b) const {
    if (group_.cost[a] != group_.cost[b]) return group_.cost[a] < group_.cost[b];
    for (std::size_t i = 0; i < width_; ++i)
      if (group_.state(a)[i] != group_.state(b)[i]) return group_.state(a)[i] < group_.state(b)[i];
    return a < b;
  }

  Bitset residents(std::uint32_t s) const {
    Bitset mask(words_for(width_), 0);
    for (std::size_t i = 0; i < width_; ++i)
      if (group_.state(s)[i] != absent) put(mask, i);
    return mask;
  }

  // Of the addresses of these tensors.
  std::uint64_t hash(std::uint32_t s, const Bitset& mask) const {
    std::uint64_t value = 0;
    for (std::size_t w = 0; w < mask.size(); ++w)
      each_bit(mask[w], w * 64, [&](std::size_t i) {
        value = (value ^ address_of(group_.state(s)[i])) * 0xff51afd7ed558ccdULL;
        value ^= value >> 32;
      });
    return value;
  }

  void insert(std::uint32_t s) {
    const Bitset mask = residents(s);
    Bucket& bucket = buckets_[mask];
    if (bucket.states.empty())
      for (std::size_t i = 0; i < width_; ++i)
        if (has(mask, i))
          bucket.cheapest_change = std::min(bucket.cheapest_change, group_.downset.load_price[i]);
    bucket.states.push_back(s);
    bucket.by_address.emplace(hash(s, mask), s);
  }

  bool beaten(std::uint32_t b) {
    const Bitset mask = residents(b);
    if (!setting_.query->rules.dominance) {
      const auto at = buckets_.find(mask);
      return at != buckets_.end() && beaten_in_place(at->second, mask, b, true);
    }
    for (const auto& [theirs, bucket] : buckets_) {
      ++compared_;
      std::int64_t away = 0;  // what they have on chip and b has not
      for (std::size_t w = 0; w < mask.size(); ++w)
        each_bit(theirs[w] & ~mask[w], w * 64,
                 [&](std::size_t i) { away += group_.downset.load_price[i]; });
      if (away == 0 && beaten_in_place(bucket, theirs, b, false)) return true;
      for (const std::uint32_t a : bucket.states) {
        if (group_.cost[b] - group_.cost[a] < std::max(away, bucket.cheapest_change)) break;
        ++compared_;
        if (dominates(a, b)) return true;
      }
    }
    return false;
  }

  bool beaten_in_place(const Bucket& bucket, const Bitset& mask, std::uint32_t b, bool exactly) {
    const auto [first, last] = bucket.by_address.equal_range(hash(b, mask));
    return std::any_of(first, last, [&](const auto& entry) {
      ++compared_;
      return exactly ? same(entry.second, b) : dominates(entry.second, b);
    });
  }

  bool dominates(std::uint32_t a, std::uint32_t b) const {
    std::int64_t slack = group_.cost[b] - group_.cost[a];
    for (std::size_t i = 0; i < width_; ++i) {
      const std::int64_t price =
          change_price(group_.state(a)[i], group_.state(b)[i], group_.downset.load_price[i],
                       group_.downset.store_price[i]);
      if (price < 0 || (slack -= price) < 0) return false;
    }
    return true;
  }

  const AddressSetting& setting_;
  const AddressGroup& group_;
  std::size_t width_;
  std::map<Bitset, Bucket> buckets_;
  std::int64_t compared_ = 0;  // not yet spent
};

}  // namespace

std::vector<std::uint32_t> undominated(const AddressSetting& setting, const AddressGroup& group) {
  return AddressFilter(setting, group).keep();
}

}  // namespace pliant::plan
