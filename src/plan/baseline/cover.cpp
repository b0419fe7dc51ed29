#include "plan/baseline/cover.h"

#include <algorithm>
#include <tuple>

namespace pliant::plan {
namespace {

// A set by its last item and the set before it.
struct Partial {
  std::int64_t covered = 0, price = 0;
  std::int32_t before = -1, item = -1;
};

class Cover {
 public:
  Cover(const std::vector<CoverItem>& items, std::int64_t need) : items_(items), need_(need) {}

  std::vector<std::size_t> run() {
    made_.push_back({});
    front_.push_back(0);
    std::int64_t rest = 0;
    for (const CoverItem& item : items_) rest += item.size;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      rest -= items_[i].size;
      extend(i, rest);
    }
    return walk_back();
  }

 private:
  // A set may go without the item only if the items after it can still reach the need.
  void extend(std::int32_t item, std::int64_t rest) {
    const CoverItem& added = items_[item];
    std::vector<std::int32_t> next;
    for (const std::int32_t p : front_) {
      const Partial set = made_[p];
      if (set.covered + rest >= need_) next.push_back(p);
      if (set.covered >= need_) continue;
      const Partial larger{std::min(need_, set.covered + added.size), set.price + added.price, p,
                           item};
      if (larger.covered + rest < need_) continue;
      next.push_back(made_.size());
      made_.push_back(larger);
    }
    keep_best(next);
  }

  // What covers less must be cheaper.
  void keep_best(std::vector<std::int32_t>& sets) {
    const auto key = [&](std::int32_t p) {
      const Partial& set = made_[p];
      return std::tuple{-set.covered, set.price, p};
    };
    std::sort(sets.begin(), sets.end(),
              [&](std::int32_t a, std::int32_t b) { return key(a) < key(b); });
    front_.clear();
    std::int64_t least = INT64_MAX;
    for (const std::int32_t p : sets) {
      const Partial& set = made_[p];
      if (set.price >= least) continue;
      least = set.price;
      front_.push_back(p);
    }
  }

  std::vector<std::size_t> walk_back() const {
    std::vector<std::size_t> chosen;
    for (std::int32_t p = front_.front(); p >= 0; p = made_[p].before)
      if (made_[p].item >= 0) chosen.push_back(made_[p].item);
    std::reverse(chosen.begin(), chosen.end());
    return chosen;
  }

  const std::vector<CoverItem>& items_;
  std::int64_t need_;
  std::vector<Partial> made_;
  std::vector<std::int32_t> front_;  // most covered first
};

}  // namespace

std::vector<std::size_t> cheapest_cover(const std::vector<CoverItem>& items, std::int64_t need) {
  if (need <= 0) return {};
  std::int64_t all = 0;
  for (const CoverItem& item : items) all += item.size;
  if (all >= need) return Cover(items, need).run();
  std::vector<std::size_t> every(items.size());
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
  return every;
}

}  // namespace pliant::plan
