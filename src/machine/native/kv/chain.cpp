// The cache from inside: what kernels write and read, and what Editors see and decide.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/checked.h"
#include "core/error.h"
#include "machine/native/kv/cache.h"

namespace pliant::kv {

void Cache::check(int layer, const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r)
    if (seq[r] >= 0) find(seq[r]).rows = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    Sequence& sequence = find(seq[r]);
    const std::int64_t next = sequence.lengths[layer] + sequence.rows++;
    if (pos[r] != next)
      throw Error(ErrorKind::invalid, fmt::format("row {}", r),
                  fmt::format("position {} of sequence {}, which has come to {} in cache layer {}", pos[r], seq[r],
                              next, layer));
    if (next >= sequence.reserved)
      throw Error(ErrorKind::invalid, fmt::format("row {}", r),
                  fmt::format("position {} of sequence {} was not reserved", next, seq[r]),
                  "call reserve() with the rows of the run");
  }
}

Cache::Slot Cache::entry_at(int layer, int head, std::size_t slot, std::int64_t i) const {
  const PageId id = table(slot, chain(layer, head))[i / page_entries];
  return {page_at(pages_.at(id), layout(layer)), i % page_entries};
}

Cache::Slot Cache::slot(int layer, int head, std::int32_t seq, std::int32_t pos) const {
  const std::size_t at = index(seq);
  const std::int64_t ahead = pos - sequences_[at].lengths[layer];
  return entry_at(layer, head, at, links(at, chain(layer, head)).entries + ahead);
}

std::int64_t Cache::chain_entries(int layer, int head, std::int32_t seq) const {
  return links(index(seq), chain(layer, head)).entries;
}

Page Cache::page(int layer, int head, std::int32_t seq, std::int64_t i) const {
  return page_at(pages_.at(table(index(seq), chain(layer, head))[i]), layout(layer));
}

void Cache::advance(int layer, const std::int32_t* seq, std::int64_t rows) {
  const std::int64_t heads = layers_[layer].heads;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    ++sequences_[index(seq[r])].lengths[layer];
    for (int head = 0; head < heads; ++head) ++links(index(seq[r]), chain(layer, head)).entries;
  }
}

void Cache::edit(int layer, const std::int32_t* seq, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    Sequence& sequence = sequences_[index(seq[r])];
    const bool seen = std::find(seq, seq + r, seq[r]) != seq + r;
    if (!sequence.policy.editor || seen) continue;
    for (int head = 0; head < layers_[layer].heads; ++head) edit_chain(sequence, layer, head);
  }
}

// into = the weighted mean of both, standing for both.
void Cache::merge(int layer, const Slot& from, const Slot& into) {
  float &own = into.page.log_weight[into.entry], other = from.page.log_weight[from.entry];
  const float most = std::max(own, other);
  const float a = std::exp(own - most), b = std::exp(other - most), share = a / (a + b);
  const Layer& sizes = layers_[layer];
  const auto mix = [&](const std::byte* x, std::byte* y, std::int64_t width) {
    const std::int64_t row = width * size_of(options_.dtype);
    float *p = scratch_.data(), *q = p + widest_head;
    load(x + from.entry * row, width, options_.dtype, p);
    load(y + into.entry * row, width, options_.dtype, q);
    for (std::int64_t i = 0; i < width; ++i) q[i] = share * q[i] + (1 - share) * p[i];
    store(q, width, options_.dtype, y + into.entry * row);
  };
  mix(from.page.keys, into.page.keys, sizes.key_width);
  mix(from.page.values, into.page.values, sizes.value_width);
  own = most + std::log(a + b);
  into.page.attention[into.entry] += from.page.attention[from.entry];
}

namespace {

void move_entry(const Cache::Slot& from, const Cache::Slot& to, const PageLayout& layout) {
  to.page.position[to.entry] = from.page.position[from.entry];
  to.page.tag[to.entry] = from.page.tag[from.entry];
  to.page.log_weight[to.entry] = from.page.log_weight[from.entry];
  to.page.attention[to.entry] = from.page.attention[from.entry];
  const auto rows = [&](const std::byte* x, std::byte* y, std::int64_t width) {
    const std::int64_t row = width * size_of(layout.dtype);
    std::memcpy(y + to.entry * row, x + from.entry * row, static_cast<std::size_t>(row));
  };
  rows(from.page.keys, to.page.keys, layout.key_width);
  rows(from.page.values, to.page.values, layout.value_width);
}

}  // namespace

void Cache::edit_chain(Sequence& sequence, int layer, int head) {
  const std::size_t slot = index(sequence.id);
  Links& own = links(slot, chain(layer, head));
  const std::span fate(fate_.data(), static_cast<std::size_t>(own.entries));
  std::iota(fate.begin(), fate.end(), 0);
  sequence.policy.editor->edit(Chain(*this, sequence, layer, head), fate);
  const auto at = [&](std::int64_t i) { return entry_at(layer, head, slot, i); };
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < own.entries; ++i) {
    const std::int32_t to = fate[i];
    if (to == i) ++kept;
    else if (to != drop) {
      assert(fate[to] == to);
      merge(layer, at(i), at(to));
    }
  }
  if (kept == own.entries) return;
  std::int64_t end = 0;
  for (std::int64_t i = 0; i < own.entries; ++i)
    if (fate[i] == i) {
      if (end != i) move_entry(at(i), at(end), layout(layer));
      ++end;
    }
  own.entries = end;
  trim(slot, chain(layer, head));  // what was reserved for later runs goes too
  sequence.reserved = sequence.floor = sequence.lengths[layer];
}

std::int64_t Chain::length() const { return sequence_->lengths[layer_]; }
bool Chain::prompt_end() const { return sequence_->prompt_end; }
std::int64_t Chain::size() const { return cache_->chain_entries(layer_, head_, sequence_->id); }

Entry Chain::entry(std::int64_t i) const {
  const Cache::Slot at = cache_->entry_at(layer_, head_, cache_->index(sequence_->id), i);
  return {at.page.position[at.entry], at.page.tag[at.entry], at.page.log_weight[at.entry], at.page.attention[at.entry]};
}

void Chain::key(std::int64_t i, std::span<float> out) const {
  const Cache::Slot at = cache_->entry_at(layer_, head_, cache_->index(sequence_->id), i);
  const std::int64_t width = cache_->layers()[layer_].key_width;
  assert(static_cast<std::int64_t>(out.size()) == width);
  load(at.page.keys + at.entry * width * size_of(cache_->dtype()), width, cache_->dtype(), out.data());
}

void Chain::value(std::int64_t i, std::span<float> out) const {
  const Cache::Slot at = cache_->entry_at(layer_, head_, cache_->index(sequence_->id), i);
  const std::int64_t width = cache_->layers()[layer_].value_width;
  assert(static_cast<std::int64_t>(out.size()) == width);
  load(at.page.values + at.entry * width * size_of(cache_->dtype()), width, cache_->dtype(), out.data());
}

}  // namespace pliant::kv
