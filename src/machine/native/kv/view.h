// One layer of a cache, as the attention of a run needs it. Cheap to make and to copy; valid as
// long as the cache.
#pragma once

#include "machine/native/kv/cache.h"

namespace pliant::kv {

class View {
 public:
  View(Cache& cache, int layer) : cache_(&cache), layer_(layer) {}

  // Before a run: seq < 0 is padding; the other rows continue their sequences position by position,
  // and were reserved. Throws Error{invalid}.
  void check(const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows);

  // Of a run's rows, in this order: each row's entries are written to their slots, advance(), all
  // rows read what their sequences hold, edit().
  Slot slot(int head, std::int32_t seq, std::int32_t pos) const;
  // visit(seq) for each sequence that a row's entries go to: its own, and branches that it leads.
  template <typename Visit>
  void each_owner(std::int32_t seq, std::int32_t pos, const Visit& visit) const {
    visit(seq);
    for (const SeqId branch : cache_->branches_) {
      const Sequence& each = cache_->sequences_[cache_->slot(branch)];
      if (each.leader == seq && pos < each.led) each_owner(branch, pos, visit);
    }
  }
  void advance(const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows);
  std::int64_t entries(int head, std::int32_t seq) const;
  Page page(int head, std::int32_t seq,
            std::int64_t i) const;  // its first entries; only the attention sums are written
  const Policy& policy(std::int32_t seq) const;
  bool observes(std::int32_t seq, std::int32_t pos) const;  // an Editor, what the row sees
  // Whether the row's query is summed (Editor::expectation), where, and of which query heads.
  bool sums_queries(std::int32_t seq, std::int32_t pos) const;
  std::span<QuerySums> queries(int head, std::int32_t seq) const;
  const Observed& observed() const { return cache_->observed(); }
  const PageLayout& layout() const;  // of its pages
  void edit(const std::int32_t* seq, std::int64_t rows);

 private:
  void check_branches() const;
  ChainId chain(int head, std::int32_t seq) const { return cache_->chain(seq, layer_, head); }

  Cache* cache_;
  int layer_;
};

}  // namespace pliant::kv
