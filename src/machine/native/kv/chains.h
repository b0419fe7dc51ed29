// The chains of a cache: for each (slot of a sequence, layer, KV head) the pages that hold its
// entries, in order. What the entries mean, and when one may be written, is the Cache's.
#pragma once

#include <cstdint>
#include <vector>

#include "core/reserved.h"
#include "machine/native/kv/pages.h"

namespace pliant::kv {

struct CacheLayer {
  // of keys and values; heads 0: the graph has no such layer
  std::int64_t heads = 0, key_width = 0, value_width = 0;
  std::int64_t shared = 1;  // query heads of each KV head
  bool operator==(const CacheLayer&) const = default;
};

struct CacheOptions {
  CacheTypes types = {};
  std::int64_t sequences = 1;  // open at one time
  std::int64_t context = 0;    // entries per chain
  // beginnings that may be kept at one time, and the bytes of pages that they may hold
  std::int64_t kept = 0, kept_bytes = 0;
  // of the pages that open sequences share; 0: as many as all their contexts need
  std::int64_t pool_bytes = 0;
  // branches of drafts that may be open beside the sequences, and the rows of the longest
  std::int64_t branches = 0, branch_rows = 0;
  // The attention that entries are given is summed by query head, for Editors that ask for it, not
  // by KV head: 4 bytes of an entry for each.
  bool by_query_head = false;
  std::int64_t open() const { return sequences + branches; }  // at one time
  std::int64_t slots() const { return open() + kept; }
};

struct ChainId {
  std::size_t slot = 0;
  int layer = 0, head = 0;
};

class Chains {
 public:
  // throws Error{invalid} or {capacity}
  Chains(std::vector<CacheLayer> layers, const CacheOptions& options);
  // that it will reserve
  static std::int64_t bytes(const std::vector<CacheLayer>& layers, const CacheOptions& options);

  const std::vector<CacheLayer>& layers() const { return layers_; }
  const CacheOptions& options() const { return options_; }
  // of one sequence
  std::int64_t count() const { return static_cast<std::int64_t>(chains_); }
  const Pages& memory() const { return memory_; }
  const PageLayout& layout(int layer) const { return layouts_[layer]; }
  std::int64_t page_bytes() const { return page_bytes_; }                   // of every layer's
  std::int64_t most_entries() const { return most_pages_ * page_entries; }  // of one chain

  std::int64_t entries(const ChainId& chain) const { return links(chain).entries; }
  // those reserved included
  std::int64_t pages(const ChainId& chain) const { return links(chain).pages; }
  bool shared(const ChainId& chain, std::int64_t page) const {
    return memory_.shared(table(chain)[page]);
  }
  Page page(const ChainId& chain, std::int64_t i) const;
  // i may be behind the last, in a page that was taken
  Slot entry(const ChainId& chain, std::int64_t i) const;
  template <typename Visit>
  void each(std::size_t slot, const Visit& visit) const {  // visit(chain)
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
      for (std::int64_t head = 0; head < layers_[layer].heads; ++head)
        visit(ChainId{slot, static_cast<int>(layer), static_cast<int>(head)});
  }

  // Takes pages for `count` entries behind the last, and copies of what is shared: the page that
  // the next entry goes to, or all. What most_entries() admits finds pages where there are as many
  // as all contexts need, else where as many are free as are wanted().
  void extend(const ChainId& chain, std::int64_t count, bool own_all);
  std::int64_t wanted(const ChainId& chain, std::int64_t count, bool own_all) const;
  void append(const ChainId& chain) { ++links(chain).entries; }  // it is written
  // keeps the first; gives back all other pages
  void truncate(const ChainId& chain, std::int64_t entries);
  // full ones, with their entries
  void remove_pages(const ChainId& chain, std::int64_t first, std::int64_t last);
  // `to` is empty; it gets the same first entries
  void share(const ChainId& from, const ChainId& to, std::int64_t entries);
  // The same for a slot that keeps them, which is never written; forget() empties it.
  void keep(const ChainId& from, const ChainId& to, std::int64_t entries);
  void forget(const ChainId& chain);
  // pages with the first entries that are not kept yet
  std::int64_t unkept(const ChainId& chain, std::int64_t entries) const;

  // Throws Error{internal} unless each chain has the pages that its entries need, none twice, and
  // each page counts as many uses as there are.
  void check() const;

 private:
  struct Links {
    std::int64_t entries = 0, pages = 0;
  };
  std::size_t index(const ChainId& chain) const {
    return chain.slot * chains_ + first_chain_[chain.layer] + chain.head;
  }
  Links& links(const ChainId& chain) { return links_[index(chain)]; }
  const Links& links(const ChainId& chain) const { return links_[index(chain)]; }
  PageId* table(const ChainId& chain) { return tables_.data() + index(chain) * most_pages_; }
  const PageId* table(const ChainId& chain) const {
    return tables_.data() + index(chain) * most_pages_;
  }

  std::vector<CacheLayer> layers_;
  CacheOptions options_;
  std::vector<PageLayout> layouts_;  // by layer
  std::int64_t most_pages_, page_bytes_;
  std::size_t chains_;                    // of one slot
  std::vector<std::size_t> first_chain_;  // by layer
  Pages memory_;
  std::vector<Links> links_;      // [slots, chains]
  ReservedArray<PageId> tables_;  // [slots, chains, most pages]
};

}  // namespace pliant::kv
