#include "machine/native/kv/observed.h"

#include <algorithm>

#include "core/checked.h"
#include "machine/native/kv/pages.h"

namespace pliant::kv {

namespace {

std::int64_t product(std::int64_t a, std::int64_t b) { return checked_multiply(a, b, "cache"); }

}  // namespace

void Observed::prepare(const Sizes& sizes) {
  if (sizes.workers <= sizes_.workers && sizes.rows <= sizes_.rows) return;
  sizes_ = {std::max(sizes.workers, sizes_.workers), std::max(sizes.rows, sizes_.rows), sizes.heads,
            sizes.entries};
  const std::int64_t tiles = product(sizes_.workers, tile_heads * tile_rows),
                     pages = sizes_.entries / page_entries,
                     chains = product(sizes_.rows, sizes_.heads);
  weights_ = {product(tiles, sizes_.entries), "cache"};
  highest_ = {product(tiles, pages), "cache"};
  blocks_ = {product(sizes_.workers, pages), "cache"};
  sums_ = {product(chains, sizes_.entries), "cache"};
  summed_ = {chains, "cache"};
}

float* Observed::weights(int worker, std::int64_t head, std::int64_t page) const {
  return weights_.data() +
         ((worker * tile_heads + head) * sizes_.entries + page * page_entries) * tile_rows;
}

float* Observed::highest(int worker, std::int64_t head, std::int64_t page) const {
  const std::int64_t pages = sizes_.entries / page_entries;
  return highest_.data() + ((worker * tile_heads + head) * pages + page) * tile_rows;
}

std::int32_t& Observed::block(int worker, std::int64_t page) const {
  return blocks_[worker * (sizes_.entries / page_entries) + page];
}

float* Observed::sums(std::int64_t row, std::int64_t head) const {
  return sums_.data() + (row * sizes_.heads + head) * sizes_.entries;
}

std::int64_t& Observed::summed(std::int64_t row, std::int64_t key_head) const {
  return summed_[row * sizes_.heads + key_head];
}

}  // namespace pliant::kv
