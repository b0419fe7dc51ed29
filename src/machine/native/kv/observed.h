// What a run notes of the attention that its rows give, for Editors that observe.
#pragma once

#include <cstdint>

#include "core/reserved.h"

namespace pliant::kv {

// Addresses for the longest run; memory as far as it is used. Of workers and of rows each writes
// its own.
class Observed {
 public:
  static constexpr std::int64_t tile_rows = 64, tile_heads = 8;  // that a worker has at one time
  struct Sizes {
    std::int64_t workers = 0, rows = 0, heads = 0;  // KV heads, or query heads
    std::int64_t entries = 0;                       // of the longest chain, whole pages
  };

  // Throws Error{capacity}. What was noted is lost.
  void prepare(const Sizes& sizes);

  // Of a worker, for a query head and a page on: weights [tile rows, entries of the block that
  // begins with it], and by row the highest score so far.
  float* weights(int worker, std::int64_t head, std::int64_t page) const;
  float* highest(int worker, std::int64_t head, std::int64_t page) const;
  // Entries of the block that begins with a page.
  std::int32_t& block(int worker, std::int64_t page) const;
  // What the rows of a tile, which begins at `row`, gave each entry of a chain: by KV head, or by
  // query head. How many have it.
  float* sums(std::int64_t row, std::int64_t head) const;
  std::int64_t& summed(std::int64_t row, std::int64_t key_head) const;

 private:
  Sizes sizes_;
  ReservedArray<float> weights_, highest_, sums_;
  ReservedArray<std::int32_t> blocks_;
  ReservedArray<std::int64_t> summed_;
};

}  // namespace pliant::kv
