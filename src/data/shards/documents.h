// The documents of one source that belong to one side, in an order for each epoch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/shards/batches.h"
#include "data/shards/order.h"
#include "data/shards/shard.h"

namespace pliant::data {

// Rows of a document: each but its last token is one, whose target is the next.
inline std::int64_t rows_of(const DocumentEntry& entry) { return entry.tokens() - 1; }

// Whether a text is held out at this share: by its hash alone.
bool is_held_out(std::uint64_t text_hash, double share);

class Documents {
 public:
  // Throws Error{not_found}, Error{format}.
  Documents(const std::vector<std::string>& paths, double held_out, Split split, std::uint64_t key);

  struct Found {
    const Shard* shard = nullptr;  // null: not of this side, or too short to have a row
    DocumentEntry entry{};
  };
  // At a place of an epoch's order; 0 <= place < count().
  Found at(std::int64_t epoch, std::int64_t place) const;
  std::int64_t count() const { return starts_.back(); }  // of both sides

  std::span<const Shard> shards() const { return shards_; }
  struct Totals {  // of this side
    std::int64_t documents = 0, tokens = 0, text_bytes = 0, rows = 0;
  };
  const Totals& totals() const { return totals_; }

 private:
  Found seen(std::int64_t document) const;

  std::vector<Shard> shards_;
  std::vector<std::int64_t> starts_{0};  // of each shard's documents among all; then their count
  double held_out_;
  Split split_;
  std::uint64_t key_;
  Totals totals_;
};

}  // namespace pliant::data
