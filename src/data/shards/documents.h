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

// A number in [0, 1) for a text: those below the share are held out.
double place_of_text(std::uint64_t text_hash);

class Documents {
 public:
  // Of neither side yet. Throws Error{not_found}, Error{format}.
  Documents(const std::vector<std::string>& paths, std::uint64_t key);
  // The first place of its texts; 1 where all with a row are one text, of which none can be spared.
  double first_place() const;
  // Texts with a place below `limit` are held out.
  void take_side(Split split, double limit);

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
  double limit_ = 0;
  Split split_ = Split::train;
  std::uint64_t key_;
  Totals totals_;
};

}  // namespace pliant::data
