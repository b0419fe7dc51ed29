// The cache's memory: pages of one size, counted by reference, and what lies in one. Their
// addresses are reserved at once, their memory is taken by the kernel as pages are first used; what
// a page held before is left in it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/reserved.h"
#include "machine/native/kv/row_code.h"

namespace pliant::kv {

inline constexpr std::int64_t page_entries = 32;
// also of ids, and of pages
inline constexpr std::int64_t most_positions = std::numeric_limits<std::int32_t>::max();
// elements of a key or value: what a kernel's stack holds a page of
inline constexpr std::int64_t widest_head = 1024;

using PageId = std::int32_t;

class Pages {
 public:
  Pages(std::int64_t count, std::int64_t bytes_each);  // throws Error{capacity}
  // of the pages that were ever taken
  std::int64_t touched_bytes() const { return fresh_ * bytes_each_; }
  std::int64_t free() const { return uses_.size() - used(); }       // pages
  std::int64_t used() const { return fresh_ - std::ssize(free_); }  // pages
  std::byte* at(PageId id) const { return memory_.data() + id * bytes_each_; }
  bool shared(PageId id) const { return uses_[id] > 1; }
  PageId take();  // one is free
  void share(PageId id) { ++uses_[id]; }
  void release(PageId id);
  // Uses that are counted once more, for what they hold to be known whoever else uses the pages.
  void keep(PageId id);
  void forget(PageId id);
  bool kept(PageId id) const { return keeps_[id] > 0; }
  std::int64_t kept() const { return kept_; }  // pages
  PageId copy(PageId id);                      // one is free; gives up a use of `id`
  // Throws Error{internal} unless page i has uses[i] uses, those behind none, all without any are
  // free, once, and as many are kept as counted.
  void check(std::span<const std::int32_t> uses) const;

 private:
  std::int64_t bytes_each_;
  ReservedArray<std::byte> memory_;
  ReservedArray<std::int32_t> uses_, keeps_;  // of the uses, those that keep it
  std::int64_t kept_ = 0;
  std::vector<PageId> free_;  // taken before; the last is taken next, and only then
  PageId fresh_ = 0;          // the first of those that were never taken
};

// A page of one layer: page_entries positions, tags, log weights and attention sums, then the rows
// of as many keys and values of one KV head, 64-byte aligned.
struct PageLayout {
  RowCode keys, values;
  std::int64_t masses = 1;  // attention sums of an entry: one, or one for each query head
  std::int64_t bytes() const;
};

struct Page {
  std::int32_t *position, *tag;
  float *log_weight, *attention;  // attention [masses, page_entries]
  std::byte *keys, *values;
};
Page page_at(std::byte* data, const PageLayout& layout);
struct Slot {  // of one entry
  Page page;
  std::int64_t entry = 0;
};

}  // namespace pliant::kv
